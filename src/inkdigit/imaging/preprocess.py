"""A picture of a single digit, whatever holds it -> 28x28 as in MNIST. Every picture goes to a model by this way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError, NoInkError
from inkdigit.imaging.decode import FORMATS, LARGEST, decode, from_array, from_image
from inkdigit.imaging.grayscale import Ink, to_grayscale
from inkdigit.imaging.lighting import binarize_in_even_light
from inkdigit.imaging.normalize import cut_out, has_form, normalize
from inkdigit.utils.files import reading

SIDE = 512  # pixels along the longer side: what has twice as many or more is shrunk by a whole factor
LARGEST_FILE = 256 << 20  # bytes


def prepare(
    image: Image.Image | NDArray[Any] | bytes | str | Path,
    *,
    ink: Ink = "auto",
    name: str | None = None,
    formats: Sequence[str] = FORMATS,
    largest: int = LARGEST,
) -> NDArray[np.uint8]:
    """A picture of one digit on plain paper -> (28, 28) uint8 as in MNIST: ink bright on 0, 20 pixels long, centred.

    image: a PIL image; an array, (H, W) or with a third axis of 1, 3 or 4, of bool, uint8, uint16 or floating numbers
    from 0 to 1 or to 255; the bytes of a picture file; or its path. Any size will do. What is in MNIST's form already
    comes back as it is. ink: whether it is dark or bright, or that the picture tells. name: what to call the picture
    in an error. formats, largest: which files are read, and pictures of how many pixels.
    Raises NoInkError where nothing is drawn, and InkdigitError for what is no such picture.
    """
    name = name or (str(image) if isinstance(image, str | Path) else "the picture")
    return to_digit(open_image(image, name, formats, largest, SIDE), ink, name)[0]


def to_digit(picture: Image.Image, ink: Ink, name: str) -> tuple[NDArray[np.uint8], float]:
    """A picture of mode L, RGB or RGBA -> (28, 28) uint8, and how much speaks for light paper, from 0 to 1."""
    grey = to_grayscale(picture, ink)
    if grey.size == (28, 28):
        pixels = np.asarray(grey)
        if ink != "dark" and has_form(pixels):
            return pixels, 0
        if ink != "bright" and has_form(~pixels):
            return ~pixels, 1
    sight = binarize_in_even_light(grey, ink)
    digit = cut_out(sight.bright, sight.levels) if sight.levels else None
    if digit is None:
        raise NoInkError(f"{name} shows no ink: draw a digit on it, or take a picture with more contrast.")
    return normalize(digit), sight.light


def read_file(path: Path) -> bytes:
    """The content of a picture file. Raises InkdigitError where it cannot be read or is larger than any picture."""
    with reading(path), path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise InkdigitError(f"{path} has more than {LARGEST_FILE >> 20} MiB: make it smaller.")
    return content


def open_image(image: object, name: str, formats: Sequence[str], largest: int, side: int | None = None) -> Image.Image:
    """Whatever holds a picture, as `prepare` takes it -> upright, of mode L, RGB or RGBA, as `decode` gives it."""
    if isinstance(image, str | Path):
        image = read_file(Path(image))
    if isinstance(image, bytes):
        return decode(image, name, formats=formats, largest=largest, side=side)
    if isinstance(image, np.ndarray):
        image = from_array(image, name)
    if isinstance(image, Image.Image):
        return from_image(image, name, side)
    kinds = "a PIL image, a NumPy array, the bytes of a picture file, or a path"
    raise InkdigitError(f"{name} is of type {type(image).__name__}: give {kinds}.")
