"""Ink in a picture -> the box around it; a box -> the part of it inside a picture. Needs no OpenCV."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture as it is seen, upright


def ink_slices(ink: NDArray[Any]) -> tuple[slice, slice] | None:
    """The rows and columns of the smallest box around all that is not zero in an array (H, W); None where all is."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def clip_box(box: Box, size: tuple[int, int]) -> Box:
    """A box -> the part of it, at least one pixel, inside a picture of this width and height."""
    left, top = (min(max(start, 0), length - 1) for start, length in zip(box[:2], size, strict=True))
    return left, top, max(min(box[0] + box[2], size[0]) - left, 1), max(min(box[1] + box[3], size[1]) - top, 1)


def mapped_box(to_picture: NDArray[np.float64], left: float, top: float, right: float, bottom: float) -> Box:
    """A box and the affine map (2, 3) from its pixels to a picture's -> the smallest upright box there around it."""
    x, y = to_picture @ np.array([[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]])
    start = math.floor(x.min() + 1e-6), math.floor(y.min() + 1e-6)
    return *start, max(1, math.ceil(x.max() - 1e-6) - start[0]), max(1, math.ceil(y.max() - 1e-6) - start[1])
