"""Arrays as they stand in files -> images and labels as `Digits` holds them, or a sentence saying why not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError

LARGEST = 1_000_000  # images; MNIST has 70,000

_AT_A_TIME = 1 << 20  # values checked at a time: the intermediate arrays stay small
_FORMS = ((28, 28), (784,), (28, 28, 1), (1, 28, 28))


def to_images(values: NDArray[Any], where: str, first: int = 1) -> NDArray[np.uint8]:
    """(N, 28, 28), (N, 784), (N, 28, 28, 1) or (N, 1, 28, 28) of any number type -> (N, 28, 28) uint8.

    where: file and array, for errors. first: the number of the first image in them, counted from 1. Raises
    InkdigitError for another shape, and where a value is not a whole number from 0 to 255.
    """
    if values.shape[1:] not in _FORMS:
        raise InkdigitError(f"{where} has shape {values.shape}: images are (N, 28, 28) or (N, 784).")
    bad = _not_within(values, 255, where)
    if bad is not None:
        image, pixel = divmod(bad, 784)
        problem = f"{values.reshape(-1)[bad]} is not a whole number from 0 to 255"
        advice = "; pixels scaled to 0–1 are to be multiplied by 255" if values.dtype.kind == "f" else ""
        raise InkdigitError(f"{where}, image {image + first}, pixel{pixel}: {problem}{advice}.")
    return values.reshape(-1, 28, 28).astype(np.uint8, copy=False)


def to_labels(values: NDArray[Any], where: str, first: int = 1) -> NDArray[np.int64]:
    """(N,) or (N, 1) of any number type -> (N,) int64. Raises InkdigitError where a value is no digit."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        advice = "; one-hot rows become digits with argmax(1)" if values.shape[1:] == (10,) else ""
        raise InkdigitError(f"{where} has shape {values.shape}: labels are (N,), one digit for each image{advice}.")
    bad = _not_within(values, 9, where)
    if bad is not None:
        raise InkdigitError(f"{where}, label {bad + first}: {values[bad]} is not a digit from 0 to 9.")
    return values.astype(np.int64)


def check_count(count: int, where: str) -> None:
    """Raise InkdigitError where there are no images, or more than are read."""
    if not count:
        raise InkdigitError(f"{where} holds no images: it needs at least one.")
    if count > LARGEST:
        raise InkdigitError(f"{where} holds {count:,} images, and at most {LARGEST:,} are read: split it into parts.")


def check_pair(images: int, labels: int, where: str) -> None:
    """Raise InkdigitError where there are not as many labels as images."""
    if images != labels:
        raise InkdigitError(f"{where}: {images:,} images and {labels:,} labels do not belong together.")


def _not_within(values: NDArray[Any], largest: int, where: str) -> int | None:
    """The flat index of the first value that is not a whole number from 0 to `largest`; None where all are."""
    if values.dtype.kind not in "buif":
        raise InkdigitError(f"{where} holds values of type {values.dtype}: whole numbers are needed.")
    if values.dtype == np.uint8 and largest == 255:
        return None
    flat = values.reshape(-1)
    for start in range(0, flat.size, _AT_A_TIME):
        block = flat[start : start + _AT_A_TIME]
        fine = (block >= 0) & (block <= largest) & (block == np.floor(block))
        if not fine.all():
            return start + int(fine.argmin())
    return None
