"""Pictures of one digit each: a folder of them, sorted into 0 to 9 where they have labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.data.dataset import Dataset
from inkdigit.data.validation import check_count
from inkdigit.errors import InkdigitError
from inkdigit.imaging.decode import decode
from inkdigit.imaging.preprocess import WORKING_SIZE, read_file, to_digit
from inkdigit.utils.files import reading

SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif"),
    *(".pbm", ".pgm", ".pnm", ".ppm"),
}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Names of folders: 7, 07, digit_7, class-7, seven.
_CLASS = re.compile(r"(?:(?:digits?|class|label|number)[ _-]?)?0?([0-9])")
_LABELLED_FILE = re.compile(r"([0-9])[_-]")  # 7_12.png

# How far from one half the share of corners and border that speaks for light paper must be, for a picture to be clear.
_CLEAR_MARGIN = 0.25
# How far from one half the share of light pictures must be, among a set's clear ones, for the others to follow.
_AGREEMENT_MARGIN = 0.4

# Files beside the pictures that are ignored.
_NOTE_SUFFIXES = {".txt", ".md", ".csv", ".json", ".toml", ".ini", ".db"}


def read_folder(folder: Path) -> Dataset:
    """Read `0/…png` to `9/…png` with labels, or the pictures right in the folder without; by name, 2 before 10.

    Folders may also be named as `digit_7`, `07` or `seven`. Without folders, names of files such as `7_12.png` are
    labels if all are such. Each picture becomes an image as `to_digits` says. Hidden files and notes (.txt, .csv, …)
    are ignored.

    Raises:
        InkdigitError: there are no pictures, one cannot be read, or another file or folder is among them.
    """
    with reading(folder):
        entries = _visible_entries(folder)
    classes = {entry: digit for entry in entries if entry.is_dir() and (digit := class_of(entry.name)) is not None}
    if not classes and not any(entry.suffix.lower() in SUFFIXES for entry in entries):
        advice = "name a data file in it, or a folder of pictures, sorted into folders 0 to 9 if they have labels"
        raise InkdigitError(f"{folder} holds no pictures: {advice}.", code="images-missing")
    pictures = _pictures(entries, set(classes))
    if classes and pictures:
        names = [sub.name for sub in classes]
        problem = f"is beside the folders {names[0]} to {names[-1]}: move it into one of them"
        raise InkdigitError(f"{pictures[0]} {problem}.", code="folder-entry-unexpected")
    labels = [] if classes else _labels_in_names(pictures)
    assumed = f"labels from the names of files, {labels[0]} for {pictures[0].name}" if labels else ""
    for sub, digit in sorted(classes.items(), key=lambda item: item[1]):
        with reading(sub):
            inside = _pictures(_visible_entries(sub), set())
        pictures += inside
        labels += [digit] * len(inside)
        if sub.name != str(digit) and not assumed:
            assumed = f"labels from the names of folders, {digit} for {sub.name}"
    check_count(len(pictures), str(folder))
    images = to_digits((str(picture), read_file(picture)) for picture in pictures)
    known = np.array(labels, np.int64) if classes or labels else None
    return Dataset(images, known, folder.resolve().name, assumed)


def class_of(name: str) -> int | None:
    """The digit that a folder's name means; None for another name."""
    if name.lower() in WORDS:
        return WORDS.index(name.lower())
    found = _CLASS.fullmatch(name.lower())
    return int(found[1]) if found else None


def _labels_in_names(pictures: Sequence[Path]) -> list[int]:
    """The digits that the names of all pictures begin with; none unless all do, with several digits."""
    found = [_LABELLED_FILE.match(picture.name) for picture in pictures]
    labels = [int(each[1]) for each in found if each]
    return labels if len(labels) == len(pictures) and len(set(labels)) > 1 else []


def to_digits(pictures: Iterable[tuple[str, bytes]]) -> NDArray[np.uint8]:
    """Convert picture files to images, each as `inkdigit.prepare` does.

    Where a picture does not show clearly whether its ink is dark or bright, and nearly all others of the set agree, it
    is taken to be as they are.

    Args:
        pictures: name (for errors) and content of each file.

    Returns:
        (N, 28, 28) uint8.

    Raises:
        InkdigitError: a picture cannot be read; the sentence has its name.
    """
    images: list[NDArray[np.uint8]] = []
    lights: list[float] = []
    unclear: dict[int, tuple[str, Image.Image]] = {}
    for name, content in pictures:
        picture = decode(content, name, side=WORKING_SIZE)
        image, light = to_digit(picture, "auto", name)
        if abs(light - 0.5) < _CLEAR_MARGIN:
            unclear[len(images)] = name, picture
        else:
            lights.append(light)
        images.append(image)
    light_share = np.mean(np.array(lights) > 0.5) if lights else 0.5
    if abs(light_share - 0.5) >= _AGREEMENT_MARGIN:
        for place, (name, picture) in unclear.items():
            images[place], _ = to_digit(picture, "dark" if light_share > 0.5 else "bright", name)
    return np.stack(images)


def _visible_entries(folder: Path) -> list[Path]:
    """The entries of a folder that are not hidden, in natural order."""
    entries = (entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX")))
    return sorted(entries, key=lambda entry: (_natural_key(entry.name), entry.name))


def _pictures(entries: Iterable[Path], apart_from: set[Path]) -> list[Path]:
    """The pictures among entries. Raises InkdigitError for an entry of another kind."""
    pictures = [entry for entry in entries if entry not in apart_from and entry.suffix.lower() not in _NOTE_SUFFIXES]
    for other in (entry for entry in pictures if entry.suffix.lower() not in SUFFIXES or entry.is_dir()):
        kind = "one of the folders 0 to 9" if other.is_dir() else "a picture"
        advice = "move it away, or name a folder of pictures alone"
        raise InkdigitError(f"{other} is not {kind}: {advice}.", code="folder-entry-unexpected")
    return pictures


def _natural_key(name: str) -> list[str | int]:
    """A key that sorts 2.png before 10.png."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower())]
