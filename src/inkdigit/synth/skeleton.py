"""Strokes as smooth distance fields: what a pen of any width draws, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

SMOOTH = 1.6  # pixels: standard deviation of the Gaussian that takes the pixels' steps out of a field
SMALLEST_LOOP = 3  # pixels from its middle to its line: of smaller ones nobody sees whether they are open
RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # a pixel's neighbours, clockwise


@dataclass(frozen=True)
class Strokes:
    """Strokes on a grid.

    far: (H, W) float32, each pixel's distance to the middle of the nearest stroke. own: (H, W) float32, the same as far
    as the strokes' own width tells, and `far` where they have none: what lies below half a pen's width is ink. points:
    (N, 2) float32, x and y of the strokes' pixels. room: half the width of the thickest pen that leaves all loops open.
    """

    far: NDArray[np.float32]
    own: NDArray[np.float32]
    points: NDArray[np.float32]
    room: float


def from_mask(mask: NDArray[np.uint8]) -> Strokes:
    """The strokes of a mask (H, W), 1 = ink, in which there is ink."""
    line = thinned(mask)
    points = _points(line)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    half_width = float(inside[line > 0].mean())
    own = cv2.GaussianBlur(outside - inside, (0, 0), SMOOTH) + np.float32(half_width)
    far = _distance(line)
    return Strokes(far, np.asarray(own, np.float32), points, _room(line, far))


def from_lines(lines: list[NDArray[np.float32]], shape: tuple[int, int]) -> Strokes:
    """The strokes along lines, each (N, 2) x and y, on a grid of a shape (H, W)."""
    canvas = np.zeros(shape, np.uint8)
    cv2.polylines(canvas, [np.round(line).astype(np.int32) for line in lines], isClosed=False, color=1)
    far = _distance(canvas)
    return Strokes(far, far, _points(canvas), np.inf)


def thinned(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle lines, one pixel wide, of a mask (H, W), 1 = ink: thinning as Zhang and Suen's (1984)."""
    line = mask.copy()
    weights = np.zeros((3, 3), np.float32)
    for bit, (row, column) in enumerate(RING):
        weights[row + 1, column + 1] = 1 << bit
    changed = True
    while changed:
        changed = False
        for table in _removable():
            code = cv2.filter2D(line, cv2.CV_8U, weights, borderType=cv2.BORDER_CONSTANT)
            thinner = np.asarray(cv2.LUT(code, table), np.uint8) & line
            changed |= not np.array_equal(thinner, line)
            line = thinner
    return line


@cache
def _removable() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For the neighbours' bits of a pixel (256,): 0 where it goes, 1 where it stays, in each of the two passes."""
    codes = np.arange(256)
    ring = codes[:, None] >> np.arange(8) & 1
    north, east, south, west = ring[:, 0], ring[:, 2], ring[:, 4], ring[:, 6]
    count = ring.sum(1)
    edge = (count >= 2) & (count <= 6) & ((ring < np.roll(ring, -1, 1)).sum(1) == 1)
    first = edge & (north * east * south == 0) & (east * south * west == 0)
    second = edge & (north * east * west == 0) & (north * south * west == 0)
    return (~first).astype(np.uint8), (~second).astype(np.uint8)


def _distance(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far each pixel is from the pixels of a line, without the steps of the grid.

    A Gaussian adds its variance to the square of the distance from a straight line, and nothing else; so it smooths
    the square, and the variance is taken off.
    """
    far = cv2.distanceTransform(1 - line, cv2.DIST_L2, 5)
    square = cv2.GaussianBlur(far * far, (0, 0), SMOOTH) - np.float32(SMOOTH**2)
    return np.sqrt(np.maximum(square, 0)).astype(np.float32)


def _room(line: NDArray[np.uint8], far: NDArray[np.float32]) -> float:
    """How far the middle of the narrowest loop is from its line; infinite where there is none."""
    count, regions = cv2.connectedComponents(1 - line, connectivity=4)
    widest = [float(far[regions == region].max()) for region in range(1, count) if region != regions[0, 0]]
    return min((room for room in widest if room > SMALLEST_LOOP), default=np.inf)


def _points(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = np.nonzero(line)
    return np.stack([columns, rows], 1).astype(np.float32)
