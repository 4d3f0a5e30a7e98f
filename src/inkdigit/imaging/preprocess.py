"""A picture of a single digit, in any form -> (28, 28) uint8 in MNIST's form. All pictures of one digit go this way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError, NoInkError
from inkdigit.imaging import IMAGE_SIZE
from inkdigit.imaging.decode import FORMATS, MAX_PIXELS, decode, from_array, from_image
from inkdigit.imaging.grayscale import Ink, to_grayscale
from inkdigit.imaging.lighting import binarize_in_even_light
from inkdigit.imaging.normalize import cut_out, has_mnist_form, normalize
from inkdigit.utils.files import read_at_most, reading

WORKING_SIZE = 512  # pixels along the longer side: a picture with twice as many or more is shrunk by a whole factor
MAX_FILE_SIZE = 256 << 20  # bytes

Picture = Image.Image | NDArray[Any] | bytes | str | Path


def prepare(
    image: Picture,
    *,
    ink: Ink = "auto",
    name: str | None = None,
    formats: Sequence[str] = FORMATS,
    largest: int = MAX_PIXELS,
) -> NDArray[np.uint8]:
    """A picture of one digit on plain paper -> (28, 28) uint8 in MNIST's form: ink bright on 0, 20 pixels, centred.

    What is in MNIST's form already comes back as it is.

    Args:
        image: a PIL image; an array, (H, W) or with a third axis of 1, 3 or 4, of bool, uint8, uint16 or floating
            numbers from 0 to 1 or to 255; the bytes of a picture file; or its path. Of any size.
        ink: whether ink is the dark or the bright side; "auto" finds out from the picture.
        name: what to call the picture in an error.
        formats: Pillow's names of the file formats that are accepted.
        largest: how many pixels a file's header may announce.

    Raises:
        NoInkError: nothing is drawn.
        TooLargeError: the picture has more pixels than `largest`.
        InkdigitError: `image` is not such a picture.
    """
    name = name or picture_name(image)
    return to_digit(open_image(image, name, formats, largest, WORKING_SIZE), ink, name)[0]


def to_digit(picture: Image.Image, ink: Ink, name: str) -> tuple[NDArray[np.uint8], float]:
    """A picture of one digit, of mode L, RGB or RGBA -> (28, 28) uint8, and the evidence for light paper, 0 to 1.

    Raises:
        NoInkError: nothing is drawn. `name` is the picture's name there.
    """
    grey = to_grayscale(picture, ink)
    if grey.size == (IMAGE_SIZE, IMAGE_SIZE):
        pixels = np.asarray(grey)
        if ink != "dark" and has_mnist_form(pixels):
            return pixels, 0
        if ink != "bright" and has_mnist_form(~pixels):
            return ~pixels, 1
    found = binarize_in_even_light(grey, ink)
    digit = cut_out(found.bright, found.thresholds) if found.thresholds else None
    if digit is None:
        message = f"{name} shows no ink: draw a digit on it, or take a picture with more contrast."
        raise NoInkError(message, code="picture-blank")
    return normalize(digit), found.light_share


def read_file(path: Path) -> bytes:
    """The content of a picture file.

    Raises:
        InkdigitError: the file cannot be read, or has more than MAX_FILE_SIZE bytes.
    """
    with reading(path), path.open("rb") as file:
        content = read_at_most(file, MAX_FILE_SIZE)
    if len(content) > MAX_FILE_SIZE:
        message = f"{path} has more than {MAX_FILE_SIZE >> 20} MiB: make it smaller."
        raise InkdigitError(message, code="file-too-large")
    return content


def picture_name(image: object) -> str:
    """What to call a picture in an error: its path where it has one."""
    return str(image) if isinstance(image, str | Path) else "the picture"


def open_image(
    image: object, name: str, formats: Sequence[str], max_pixels: int, side: int | None = None
) -> Image.Image:
    """A picture in any form that `prepare` takes -> an upright one of mode L, RGB or RGBA. `side` as for `decode`.

    Raises:
        TooLargeError: the picture has more than `max_pixels`.
        InkdigitError: `image` is not a picture.
    """
    if isinstance(image, str | Path):
        image = read_file(Path(image))
    if isinstance(image, bytes):
        return decode(image, name, formats=formats, max_pixels=max_pixels, side=side)
    if isinstance(image, np.ndarray):
        image = from_array(image, name)
    if isinstance(image, Image.Image):
        return from_image(image, name, side)
    kinds = "a PIL image, a NumPy array, the bytes of a picture file, or a path"
    raise InkdigitError(f"{name} is of type {type(image).__name__}: give {kinds}.", code="picture-type-invalid")
