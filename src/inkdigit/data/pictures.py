"""Pictures of one digit each: a folder of them, sorted into 0 to 9 where they have labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.arrays import check_count
from inkdigit.data.digits import Digits
from inkdigit.errors import InkdigitError
from inkdigit.files import reading
from inkdigit.imaging.decode import decode
from inkdigit.imaging.ink import has_light_paper
from inkdigit.imaging.normalize import normalize

SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pbm", ".pgm", ".pnm", ".ppm"}
CLASSES = [str(digit) for digit in range(10)]

_LARGEST_FILE = 256 << 20  # bytes

# What lies beside pictures and means no harm.
_NOTES = {".txt", ".md", ".csv", ".json", ".toml", ".ini", ".db"}


def read_folder(folder: Path) -> Digits:
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
    images = to_digits((str(picture), _content(picture)) for picture in pictures)
    return Digits(images, np.array(labels, np.int64) if classes else None, folder.resolve().name)


def to_digits(pictures: Iterable[tuple[str, bytes]]) -> NDArray[np.uint8]:
    """(name, content of a picture file) -> (N, 28, 28) uint8, ink bright on dark.

    Dark ink on light paper is inverted. A picture of 28x28 is else taken pixel for pixel; any other is prepared as
    MNIST's digits were (`imaging.normalize`). Where a single picture does not say which of the two is the paper,
    the others of the set do. Raises InkdigitError with the picture's name.
    """
    images: list[NDArray[np.uint8]] = []
    unclear: dict[int, tuple[str, NDArray[np.uint8]]] = {}
    light = 0
    for name, content in pictures:
        grey = decode(content, name)
        paper = has_light_paper(grey)
        if paper is None:
            unclear[len(images)] = name, grey
        light += paper is True
        images.append(_digit(grey, name, light_paper=paper is True))
    mostly_light = 2 * light > len(images) - len(unclear)
    for place, (name, grey) in unclear.items():
        images[place] = _digit(grey, name, light_paper=mostly_light)
    return np.stack(images)


def _digit(grey: NDArray[np.uint8], name: str, *, light_paper: bool) -> NDArray[np.uint8]:
    bright = ~grey if light_paper else grey
    return bright if bright.shape == (28, 28) else normalize(bright, name)


def _content(picture: Path) -> bytes:
    with reading(picture), picture.open("rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise InkdigitError(f"{picture} has more than {_LARGEST_FILE >> 20} MiB: make it smaller.")
    return content


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
