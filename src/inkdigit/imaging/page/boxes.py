"""A page's darkness -> the printed boxes close around its digits."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.page.paper import Map

Corners = NDArray[np.float64]  # (4, 2), x and y: top left, top right, bottom right, bottom left

_MIN_SIDE = 18  # pixels of a box
_MAX_HIDDEN = 7  # pixels of an edge that may be hidden, or too faint
_HALF_EDGE = 4  # pixels: half an edge's width is less
# What may be edges: their greatest half width, and the length in pixels that is straight and whole. The short ones are
# those of small boxes; fewer strokes are as straight as the long ones; the broad ones are of boxes that touch.
_EDGE_KINDS = (_HALF_EDGE, 13), (_HALF_EDGE, 28), (2 * _HALF_EDGE, 28)
MIN_RIDGE = 4  # of 255: a ridge of darkness that stands out less is noise
_MIN_FILL = 0.94  # of the rectangle around a hole: a hole that fills less is round
_MIN_FILL_CUT = 0.5  # the same where a stroke cuts into the hole
_MIN_FRAME_SHARE = 0.8  # of a frame that ink hides in part
_MAX_UNEVENNESS = 2.0  # how many times as dark as another one side of a box may be
_MIN_CORNER = 0.7  # of how dark its sides are, the corners are at least
_MIN_ASPECT, _MAX_ASPECT = 0.3, 4.0  # height by width
_MAX_TURN = 8.0  # degrees
_MAX_BOXES = 400  # more are the squares of squared paper, or of a table, which are taken off as rules
# A box that is alone and empty may be a zero. Empty boxes count from this number on, with heights this close, as
# logarithms.
_MIN_ALIKE, _MAX_LOG_RATIO = 3, 0.1


def find_boxes(dark: Map) -> list[Corners]:
    """A page's darkness (H, W) uint8, 0 for paper -> the corners of its boxes, in the middle of their frames."""
    if min(dark.shape) < 2 * _MIN_SIDE:
        return []
    found: list[Corners] = []
    turned = cv2.transpose(dark)
    drawn = [cv2.bitwise_or(_edges(dark, *kind), cv2.transpose(_edges(turned, *kind))) for kind in _EDGE_KINDS]
    for frames in drawn:
        earlier = _middles(found)
        found += [corners for corners in _rectangles(frames, dark) if not _overlapping(corners, earlier)]
    found = _outermost(found)
    found += _partly_hidden(found, cv2.dilate(drawn[0], np.ones((7, 7), np.uint8)))
    heights = np.array([corners[3, 1] - corners[0, 1] for corners in found])
    alike = (np.abs(np.log(heights[:, None] / heights)) < _MAX_LOG_RATIO).sum(0)
    return [box for box, count in zip(found, alike, strict=True) if count >= _MIN_ALIKE or _is_written_in(dark, box)]


def _rectangles(frames: Map, dark: Map) -> list[Corners]:
    """The rectangular holes in a mask of frames, their corners on the frame; none where there are too many."""
    frames = cv2.dilate(frames, np.ones((3, 3), np.uint8))
    contours, tree = cv2.findContours(frames, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = [contour for contour, place in zip(contours, tree[0], strict=True) if place[3] >= 0] if contours else []
    found = [corners for hole in holes if (corners := _rectangle(hole)) is not None]
    if not 0 < len(found) <= _MAX_BOXES:
        return []
    broad = cv2.dilate(dark, np.ones((3, 3), np.uint8))
    found = [_on_frame(corners, dark) for corners in found]
    return [corners for corners in found if _is_even(_sides(broad, corners))]


def are_squares(boxes: list[Corners]) -> bool:
    """Whether boxes are the squares of squared paper: at least half of them stand directly above others."""
    if not boxes:
        return False
    tops, feet = np.array([corners[:2] for corners in boxes]), np.array([corners[[3, 2]] for corners in boxes])
    adjoining = np.abs(feet[:, None] - tops[None]).max((2, 3)) < _MIN_SIDE / 3
    return bool((adjoining.any(0) | adjoining.any(1)).mean() >= 0.5)


def _edges(dark: Map, half: int, length: int) -> Map:
    """A mask, 0 or 255, of horizontal lines less than 2 * `half` pixels thick and at least `length` pixels long."""
    smooth = cv2.blur(dark, (7, 1))
    wide = cv2.copyMakeBorder(smooth, half, half, 0, 0, cv2.BORDER_REPLICATE)
    beside = cv2.max(wide[: -2 * half], wide[2 * half :])
    ridge: Map = (cv2.subtract(smooth, beside) > MIN_RIDGE).view(np.uint8) * np.uint8(255)
    ridge = cv2.dilate(ridge, np.ones((2, 1), np.uint8))
    ridge = cv2.morphologyEx(ridge, cv2.MORPH_CLOSE, np.ones((1, _MAX_HIDDEN), np.uint8))
    return cv2.morphologyEx(ridge, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))


def _rectangle(hole: NDArray[Any]) -> Corners | None:
    """The corners of a hole that is nearly an upright rectangle; None for another."""
    _, _, width, height = cv2.boundingRect(hole)
    if min(width, height) < _MIN_SIDE or not _MIN_ASPECT < height / width < _MAX_ASPECT:
        return None
    enclosing = cv2.minAreaRect(hole)
    turn, area = (enclosing[2] + 45) % 90 - 45, enclosing[1][0] * enclosing[1][1]
    # A stroke that touches the frame cuts into the hole, but seldom at a corner.
    largest_area = min(cv2.contourArea(cv2.convexHull(hole)) / _MIN_FILL, cv2.contourArea(hole) / _MIN_FILL_CUT)
    if abs(turn) > _MAX_TURN or largest_area < area:
        return None
    points = cv2.boxPoints(enclosing).astype(np.float64)
    total, difference = points.sum(1), points[:, 0] - points[:, 1]
    return points[[total.argmin(), difference.argmax(), total.argmax(), difference.argmin()]]


def _on_frame(corners: Corners, dark: Map) -> Corners:
    """A hole's corners, moved to where its frame is darkest, which is its middle."""
    outward = np.sign(corners - corners.mean(0))
    moved = corners.copy()
    for axis, ends in ((1, [0, 1]), (0, [1, 2]), (1, [2, 3]), (0, [3, 0])):
        step = np.zeros(2)
        step[axis] = outward[ends[0], axis]
        strength = [_median_on(corners[ends] + far * step, dark) for far in range(-1, 2 * _HALF_EDGE)]
        moved[ends] += (int(np.argmax(strength)) - 1) * step
    return moved


def _is_even(sides: NDArray[np.float64]) -> bool:
    """Whether the darkness of four sides, (4, N), is about the same and reaches the corners.

    The bar of a 7 is darker than the box around it, and a 0 has no corners.
    """
    dark = np.median(sides, axis=1)
    corners = np.maximum(sides[:, 0], np.roll(sides[:, -1], -1))
    return bool(dark.max() < _MAX_UNEVENNESS * dark.min() and corners.min() > _MIN_CORNER * np.median(dark))


def _median_on(ends: Corners, dark: Map) -> float:
    return float(np.median(_between(ends[0], ends[1], dark)[3:-3]))


def _sides(values: Map, corners: Corners) -> NDArray[np.float64]:
    """A map's values along the four sides of a box, (4, 24); 0 outside the map."""
    return np.stack([_between(corners[k], corners[k - 1], values) for k in range(4)])


def _between(start: NDArray[np.float64], end: NDArray[np.float64], values: Map) -> NDArray[np.float64]:
    """A map's values at 24 places from one point to another; 0 outside the map."""
    x, y = np.linspace(start, end, 24).round().astype(int).T
    height, width = values.shape
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return np.where(inside, values[y.clip(0, height - 1), x.clip(0, width - 1)], 0).astype(np.float64)


def _outermost(boxes: list[Corners]) -> list[Corners]:
    """The boxes that are not inside another: the loop of a 6 may look like a small box."""
    if not boxes:
        return []
    middles, corners = _middles(boxes), np.stack(boxes)
    within = (corners[:, None, 0] < middles).all(2) & (middles < corners[:, None, 2]).all(2)  # (around, inside)
    area = np.ptp(corners, axis=1).prod(1)
    within &= area[:, None] > area
    return [box for box, inside in zip(boxes, within.any(0), strict=True) if not inside]


def _middles(boxes: list[Corners]) -> NDArray[np.float64]:
    """The middles of N boxes, (N, 2)."""
    return np.array([corners.mean(0) for corners in boxes]).reshape(-1, 2)


def _overlapping(corners: Corners, middles: NDArray[np.float64]) -> bool:
    """Whether a box has the same place as one of other boxes, whose middles, (N, 2), are given."""
    return bool((np.abs(middles - corners.mean(0)) < 0.8 * np.ptp(corners, axis=0)).all(1).any())


def _partly_hidden(found: list[Corners], frames: Map) -> list[Corners]:
    """Boxes beside others that were not found as holes, since ink hides a part of their frames."""
    hidden: list[Corners] = []
    for corners in found:
        for step in (corners[1] - corners[0], corners[0] - corners[1]):
            beside = corners + step
            if (
                not _overlapping(beside, _middles(found + hidden))
                and (_sides(frames, beside) > 0).mean() > _MIN_FRAME_SHARE
            ):
                hidden.append(beside)
    return hidden


def _is_written_in(dark: Map, corners: Corners) -> bool:
    """Whether something in a box is as dark as its frame."""
    (left, top), (right, bottom) = corners.min(0).astype(int), corners.max(0).astype(int)
    room = dark[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
    inside = room[_HALF_EDGE:-_HALF_EDGE, _HALF_EDGE:-_HALF_EDGE]
    frame = np.median(np.concatenate([room[:2].ravel(), room[-2:].ravel()]))
    return bool((inside > max(0.7 * float(frame), 2 * MIN_RIDGE)).mean() > 0.02)
