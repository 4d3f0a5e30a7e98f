"""Strokes as smooth distance fields, from which a pen of any width can be drawn at any size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

SMOOTHING = 1.6  # pixels: standard deviation of the Gaussian that removes the grid's steps from a field
MAX_HALF_WIDTH = 7  # pixels: of a stroke; a shape nearly twice as wide is not a stroke
MIN_LOOP = 3  # pixels from a loop's middle to its line: a smaller loop looks closed
NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # a pixel's neighbours, clockwise


@dataclass(frozen=True)
class Strokes:
    """Strokes on a grid.

    far: (H, W) float32, each pixel's distance to the middle of the nearest stroke. own: (H, W) float32, the same as far
    as the strokes' own width tells, and `far` where they have none: what lies below half a pen's width is ink. points:
    (N, 2) float32, x and y of the strokes' pixels. room: half the width of the thickest pen that leaves all loops open.
    """

    distance: NDArray[np.float32]
    own_distance: NDArray[np.float32]
    points: NDArray[np.float32]
    max_half_width: float


def from_mask(mask: NDArray[np.uint8]) -> Strokes:
    """The strokes of a mask (H, W), 1 = ink, in which there is ink.

    A shape much wider than a stroke, such as a filled loop, stays filled with every pen.
    """
    inside = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 5), np.float32)
    outside = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    line = _lengthen(thin(mask), inside)
    edge = cv2.GaussianBlur(outside - inside, (0, 0), SMOOTHING)
    half_width = float(np.median(inside[line > 0]))
    distance = np.minimum(
        _smooth_distance(line), np.maximum(edge + np.float32(1.8 * min(half_width, MAX_HALF_WIDTH)), 0)
    )
    own_distance = np.asarray(edge + np.float32(half_width), np.float32)
    return Strokes(distance.astype(np.float32), own_distance, _points(line), _max_half_width(line, distance))


def from_lines(lines: list[NDArray[np.float32]], shape: tuple[int, int]) -> Strokes:
    """The strokes along lines, each (N, 2) x and y, on a grid of a shape (H, W)."""
    canvas = np.zeros(shape, np.uint8)
    cv2.polylines(canvas, [np.round(line).astype(np.int32) for line in lines], isClosed=False, color=1)
    distance = _smooth_distance(canvas)
    return Strokes(distance, distance, _points(canvas), np.inf)


def thin(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle lines, one pixel wide, of a mask (H, W), 1 = ink: thinning as Zhang and Suen's (1984)."""
    line = mask.copy()
    weights = np.zeros((3, 3), np.float32)
    for bit, (row, column) in enumerate(NEIGHBOURS):
        weights[row + 1, column + 1] = 1 << bit
    changed = True
    while changed:
        changed = False
        for table in _kept_pixels():
            code = cv2.filter2D(line, cv2.CV_8U, weights, borderType=cv2.BORDER_CONSTANT)
            thinner = np.asarray(cv2.LUT(code, table), np.uint8) & line
            changed |= not np.array_equal(thinner, line)
            line = thinner
    return line


def _lengthen(line: NDArray[np.uint8], inside: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A line whose ends reach nearly those of the ink: thinning shortens each by half a stroke's width."""
    neighbours = cv2.filter2D(line, cv2.CV_8U, np.ones((3, 3), np.float32), borderType=cv2.BORDER_CONSTANT)
    points, longer = _points(line), line.copy()
    for end in _points(((neighbours == 2) & (line > 0)).astype(np.uint8)):
        near = points[np.linalg.norm(points - end, axis=1) < 8]
        back = end - near.mean(0)
        reach = 0.6 * inside[int(end[1]), int(end[0])] / max(float(np.linalg.norm(back)), 1.0)
        start, stop = end.astype(int).tolist(), np.round(end + back * reach).astype(int).tolist()
        cv2.line(longer, start, stop, 1)
    return longer


@cache
def _kept_pixels() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """By the bits of a pixel's neighbours, (256,): 1 where the pixel is kept; one table for each of the two passes."""
    codes = np.arange(256)
    ring = codes[:, None] >> np.arange(8) & 1
    north, east, south, west = ring[:, 0], ring[:, 2], ring[:, 4], ring[:, 6]
    count = ring.sum(1)
    edge = (count >= 2) & (count <= 6) & ((ring < np.roll(ring, -1, 1)).sum(1) == 1)
    first = edge & (north * east * south == 0) & (east * south * west == 0)
    second = edge & (north * east * west == 0) & (north * south * west == 0)
    return (~first).astype(np.uint8), (~second).astype(np.uint8)


def _smooth_distance(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far each pixel is from the pixels of a line, without the steps of the grid.

    A Gaussian adds its variance to the square of the distance from a straight line, and nothing else; so it smooths
    the square, and the variance is taken off.
    """
    distance = cv2.distanceTransform(1 - line, cv2.DIST_L2, 5)
    square = cv2.GaussianBlur(distance * distance, (0, 0), SMOOTHING) - np.float32(SMOOTHING**2)
    return np.sqrt(np.maximum(square, 0)).astype(np.float32)


def _max_half_width(line: NDArray[np.uint8], distance: NDArray[np.float32]) -> float:
    """The distance from the middle of the narrowest loop to its line, in pixels; infinite where there is no loop."""
    count, regions = cv2.connectedComponents(1 - line, connectivity=4)
    widest = [float(distance[regions == region].max()) for region in range(1, count) if region != regions[0, 0]]
    return min((max_half_width for max_half_width in widest if max_half_width > MIN_LOOP), default=np.inf)


def _points(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = np.nonzero(line)
    return np.stack([columns, rows], 1).astype(np.float32)
