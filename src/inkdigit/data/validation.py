"""Arrays as files hold them -> images and labels as `Dataset` holds them, or an error that names the place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError

MAX_IMAGES = 1_000_000  # in one file; MNIST has 70,000

_VALUES_PER_CHECK = 1 << 20  # the intermediate arrays stay small
_IMAGE_SHAPES = ((28, 28), (784,), (28, 28, 1), (1, 28, 28))


def to_images(values: NDArray[Any], where: str, first: int = 1) -> NDArray[np.uint8]:
    """Convert images of any number type to (N, 28, 28) uint8.

    Args:
        values: (N, 28, 28), (N, 784), (N, 28, 28, 1) or (N, 1, 28, 28).
        where: file and array, for errors.
        first: the number of the first image in the file, counted from 1, for errors.

    Raises:
        InkdigitError: the shape is another one, or a value is not a whole number from 0 to 255.
    """
    if values.shape[1:] not in _IMAGE_SHAPES:
        raise InkdigitError(
            f"{where} has shape {values.shape}: images are (N, 28, 28) or (N, 784).", code="shape-invalid"
        )
    bad = _first_outside(values, 255, where)
    if bad is not None:
        image, pixel = divmod(bad, 784)
        problem = f"{values.reshape(-1)[bad]} is not a whole number from 0 to 255"
        advice = "; multiply pixels that are scaled to 0–1 by 255" if values.dtype.kind == "f" else ""
        place = f"{where}, image {image + first}, pixel{pixel}"
        raise InkdigitError(f"{place}: {problem}{advice}.", code="pixel-invalid")
    return values.reshape(-1, 28, 28).astype(np.uint8, copy=False)


def to_labels(values: NDArray[Any], where: str, first: int = 1) -> NDArray[np.int64]:
    """Convert labels (N,) or (N, 1), numbers of any type or text such as "7", to (N,) int64.

    Args:
        values: the labels.
        where: file and array, for errors.
        first: the number of the first label in the file, counted from 1, for errors.

    Raises:
        InkdigitError: the shape is another one, or a value is not a digit.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        advice = "; one-hot rows become digits with argmax(1)" if values.shape[1:] == (10,) else ""
        problem = f"has shape {values.shape}: labels are (N,), one digit for each image{advice}"
        raise InkdigitError(f"{where} {problem}.", code="shape-invalid")
    numbers = np.array([_number_of(value) for value in values.tolist()]) if values.dtype.kind in "OSU" else values
    bad = _first_outside(numbers, 9, where)
    if bad is not None:
        problem = f"{values[bad]!s:.20} is not a digit from 0 to 9"
        raise InkdigitError(f"{where}, label {bad + first}: {problem}.", code="label-invalid")
    return numbers.astype(np.int64)


def _number_of(value: object) -> float:
    """A label as text or as any object -> its number; NaN where it is none."""
    try:
        return float(value.decode() if isinstance(value, bytes) else value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return math.nan


def check_count(count: int, where: str) -> None:
    """Raise InkdigitError where there are no images, or more than `MAX_IMAGES`."""
    if not count:
        raise InkdigitError(f"{where} holds no images: it needs at least one.", code="images-missing")
    if count > MAX_IMAGES:
        limit = f"{count:,} images, and at most {MAX_IMAGES:,} are read: split it into parts"
        raise InkdigitError(f"{where} holds {limit}.", code="images-too-many")


def check_pair(images: int, labels: int, where: str) -> None:
    """Raise InkdigitError where there are not as many labels as images."""
    if images != labels:
        problem = f"{images:,} images and {labels:,} labels do not belong together"
        raise InkdigitError(f"{where}: {problem}.", code="labels-mismatched")


def _first_outside(values: NDArray[Any], largest: int, where: str) -> int | None:
    """The flat index of the first value that is not a whole number from 0 to `largest`; None where all are."""
    if values.dtype.kind not in "buif":
        problem = f"holds values of type {values.dtype}: whole numbers are needed"
        raise InkdigitError(f"{where} {problem}.", code="type-invalid")
    if values.dtype == np.uint8 and largest == 255:
        return None
    flat = values.reshape(-1)
    for start in range(0, flat.size, _VALUES_PER_CHECK):
        block = flat[start : start + _VALUES_PER_CHECK]
        fine = (block >= 0) & (block <= largest) & (block == np.floor(block))
        if not fine.all():
            return start + int(fine.argmin())
    return None
