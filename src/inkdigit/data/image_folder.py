"""Pictures of one digit each: a folder of them, sorted into 0 to 9 where they have labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
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

SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pbm", ".pgm", ".pnm", ".ppm"}
CLASSES = [str(digit) for digit in range(10)]

_CLEAR = 0.25  # of corners and border: how far from half what speaks for light paper is clear
_ALIKE = 0.4  # of the clear pictures of a set: how far from half the light ones are when nearly all agree

# What lies beside pictures and means no harm.
_NOTES = {".txt", ".md", ".csv", ".json", ".toml", ".ini", ".db"}


def read_folder(folder: Path) -> Dataset:
    """Read `0/…png` to `9/…png` with labels, or the pictures right in the folder without; by name, 2 before 10.

    What becomes of a picture: see `to_digits`. Hidden files and notes (.txt, .csv, …) are left aside. Raises
    InkdigitError with the name of any other file or folder that is out of place.
    """
    with reading(folder):
        entries = _visible(folder)
    classes = [entry for entry in entries if entry.is_dir() and entry.name in CLASSES]
    if not classes and not any(entry.suffix.lower() in SUFFIXES for entry in entries):
        advice = "name a data file in it, or a folder of pictures, sorted into folders 0 to 9 if they have labels"
        raise InkdigitError(f"{folder} holds no pictures: {advice}.")
    pictures = _pictures(entries, set(classes))
    if classes and pictures:
        raise InkdigitError(f"{pictures[0]} is beside the folders {classes[0].name} to {classes[-1].name}: sort it in.")
    labels: list[int] = []
    for sub in classes:
        with reading(sub):
            inside = _pictures(_visible(sub), set())
        pictures += inside
        labels += [int(sub.name)] * len(inside)
    check_count(len(pictures), str(folder))
    images = to_digits((str(picture), read_file(picture)) for picture in pictures)
    return Dataset(images, np.array(labels, np.int64) if classes else None, folder.resolve().name)


def to_digits(pictures: Iterable[tuple[str, bytes]]) -> NDArray[np.uint8]:
    """(name, content of a picture file) -> (N, 28, 28) uint8, each as `inkdigit.prepare` makes it.

    Where a single picture does not say clearly which side is the ink, and nearly all others of the set agree, it
    follows them. Raises InkdigitError with the picture's name.
    """
    images: list[NDArray[np.uint8]] = []
    lights: list[float] = []
    unclear: dict[int, tuple[str, Image.Image]] = {}
    for name, content in pictures:
        picture = decode(content, name, side=WORKING_SIZE)
        image, light = to_digit(picture, "auto", name)
        if abs(light - 0.5) < _CLEAR:
            unclear[len(images)] = name, picture
        else:
            lights.append(light)
        images.append(image)
    light_share = np.mean(np.array(lights) > 0.5) if lights else 0.5
    if abs(light_share - 0.5) >= _ALIKE:
        for place, (name, picture) in unclear.items():
            images[place], _ = to_digit(picture, "dark" if light_share > 0.5 else "bright", name)
    return np.stack(images)


def _visible(folder: Path) -> list[Path]:
    """What is in a folder and not hidden, in natural order."""
    entries = (entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX")))
    return sorted(entries, key=lambda entry: (_natural(entry.name), entry.name))


def _pictures(entries: Iterable[Path], besides: set[Path]) -> list[Path]:
    pictures = [entry for entry in entries if entry not in besides and entry.suffix.lower() not in _NOTES]
    for stranger in (entry for entry in pictures if entry.suffix.lower() not in SUFFIXES or entry.is_dir()):
        kind = "one of the folders 0 to 9" if stranger.is_dir() else "a picture"
        raise InkdigitError(f"{stranger} is not {kind}: move it away, or name a folder of pictures alone.")
    return pictures


def _natural(name: str) -> list[str | int]:
    """Sorts 2.png before 10.png."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower())]
