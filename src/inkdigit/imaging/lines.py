"""The ink of a page -> its lines, each as strips 48 pixels high with digits of about 28."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.grey import Ink
from inkdigit.imaging.sheet import Map, Sheet, find_ink

Layout = Literal["page", "line"]
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture

HEIGHT = 48  # pixels of a strip
DIGIT = 28  # pixels of a typical digit's height in a strip
ROOM = 44  # pixels of a strip's height that ink may take
PAPER = 10  # columns of paper at each end of a strip

_SMALLEST = 6  # pixels of a digit's height, at least, in a page
_CUT_OFF = 0.4  # of a part's side, in a page: where the edge of the picture cuts so much, it is no digit
_STEEPEST = 0.36  # a line rises by no more than so much of its length


@dataclass(frozen=True)
class Strip:
    """A line of ink, or a part of one, straightened.

    image: (48, W) uint8, ink bright on 0, thin strokes as bright as broad ones, PAPER columns of 0 at each end.
    to_picture: (2, 3), the affine map from its pixels (x, y, 1) to those of the picture.
    """

    image: Map
    to_picture: NDArray[np.float64]

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The upright box in the picture around a box in the strip."""
        corners = np.array([[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]])
        x, y = self.to_picture @ corners
        least = math.floor(x.min()), math.floor(y.min())
        return *least, max(1, math.ceil(x.max()) - least[0]), max(1, math.ceil(y.max()) - least[1])


@dataclass(frozen=True)
class Blot:
    """Ink that is in no line, and why, in a few words."""

    box: Box
    reason: str


@dataclass(frozen=True)
class Lines:
    """The lines of a page from top to bottom, each of one strip or more from left to right; and what is in none."""

    lines: list[list[Strip]]
    blots: list[Blot]


@dataclass(frozen=True)
class _Parts:
    """The K connected components of a sheet's ink: labels (H, W), 0 for paper, k + 1 for part k; its box; its ink."""

    labels: NDArray[np.int32]
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    right: NDArray[np.int64]
    bottom: NDArray[np.int64]
    mass: NDArray[np.float64]

    @property
    def height(self) -> NDArray[np.int64]:
        return self.bottom - self.top

    @property
    def width(self) -> NDArray[np.int64]:
        return self.right - self.left


def strips(picture: Image.Image, layout: Layout = "page", ink: Ink = "auto") -> Lines:
    """The lines of ink in a picture of mode L, RGB or RGBA, upright. layout: "line" says that there is one line."""
    return find_lines(find_ink(picture, ink), layout)


def find_lines(sheet: Sheet, layout: Layout = "page") -> Lines:
    """The lines of a sheet's ink."""
    parts = _parts(sheet.ink)
    blots: list[Blot] = []
    alive = np.maximum(parts.height, parts.width) >= _SMALLEST
    foreign = _foreign(parts) & (layout == "page")
    blots += [_blot(parts, k, sheet.factor, "edge of the page") for k in np.flatnonzero(foreign)]
    alive &= ~foreign
    if not alive.any():
        return Lines([], blots)
    typical = _typical(parts, alive)
    bodies = np.flatnonzero(alive & (parts.height >= 0.4 * typical) & (parts.height <= 6 * typical))
    groups = [bodies] if layout == "line" else _chained(parts, bodies)
    groups = [_with_small(parts, group, alive) for group in groups if len(group)]
    groups.sort(key=lambda group: float(np.median(parts.top[group] + parts.bottom[group])))
    taken = np.concatenate(groups) if groups else np.zeros(0, np.int64)
    left_over = np.setdiff1d(np.flatnonzero(alive & (parts.height > 0.2 * typical)), taken)
    blots += [_blot(parts, k, sheet.factor, "speck") for k in left_over]
    return Lines([[_strip(sheet, parts, group)] for group in groups], blots)


def _parts(ink: Map) -> _Parts:
    number, labels = cv2.connectedComponents((ink > 0).view(np.uint8), connectivity=8)
    flat = np.flatnonzero(labels)
    label = labels.ravel()[flat]
    order = np.argsort(label, kind="stable")
    first = np.searchsorted(label[order], np.arange(1, number))
    rows, columns = np.divmod(flat[order], ink.shape[1])
    if number == 1:
        none = np.zeros(0, np.int64)
        return _Parts(labels, none, none, none, none, np.zeros(0))
    mass = np.add.reduceat(ink.ravel()[flat[order]], first, dtype=np.float64) / 255
    low, high = np.minimum.reduceat, np.maximum.reduceat
    return _Parts(labels, low(columns, first), low(rows, first), high(columns, first) + 1, high(rows, first) + 1, mass)


def _foreign(parts: _Parts) -> NDArray[np.bool_]:
    """Which parts are no writing, but go on beyond the picture: where they end at its edge they are broad."""
    number = len(parts.mass) + 1
    foreign = np.zeros(number - 1, bool)
    for edge, extent in (
        (parts.labels[0], parts.width),
        (parts.labels[-1], parts.width),
        (parts.labels[:, 0], parts.height),
        (parts.labels[:, -1], parts.height),
    ):
        foreign |= np.bincount(edge, minlength=number)[1:] > _CUT_OFF * extent
    return foreign & (np.maximum(parts.height, parts.width) >= _SMALLEST)


def _typical(parts: _Parts, alive: NDArray[np.bool_]) -> float:
    """The height of those parts that have most of the ink."""
    heights, weights = parts.height[alive], parts.mass[alive]
    order = np.argsort(heights)
    return float(heights[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def _chained(parts: _Parts, bodies: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Bodies side by side, joined into lines: the nearest first, as long as what is joined lies along a line."""
    group = {int(k): [int(k)] for k in bodies}
    for _, one, other in sorted(_neighbours(parts, bodies)):
        if group[one] is group[other] or not _in_line(parts, joined := group[one] + group[other]):
            continue
        for k in joined:
            group[k] = joined
    unique = {id(members): members for members in group.values()}
    return [np.array(sorted(members, key=lambda k: parts.left[k])) for members in unique.values()]


def _neighbours(parts: _Parts, bodies: NDArray[np.int64]) -> list[tuple[float, int, int]]:
    """Pairs that may stand side by side, and how far they are from doing so."""
    pairs: list[tuple[float, int, int]] = []
    for one in bodies:
        larger = np.maximum(parts.height[bodies], parts.height[one])
        smaller = np.minimum(parts.height[bodies], parts.height[one])
        common = np.minimum(parts.bottom[bodies], parts.bottom[one]) - np.maximum(parts.top[bodies], parts.top[one])
        gap = np.maximum(parts.left[bodies] - parts.right[one], 0)
        right = parts.left[bodies] + parts.right[bodies] > parts.left[one] + parts.right[one]
        near = right & (gap < 6 * larger) & (common > 0.25 * smaller) & (smaller > 0.25 * larger)
        cost = gap / larger + 2 * (1 - common / smaller)
        pairs += [(float(cost[k]), int(one), int(bodies[k])) for k in np.flatnonzero(near)]
    return pairs


def _in_line(parts: _Parts, members: list[int]) -> bool:
    """Whether parts lie along one line that rises little, none above another."""
    chosen = np.array(members)
    slope, offset = _slope(parts, chosen), 0.0
    x, y = (parts.left + parts.right)[chosen] / 2, (parts.top + parts.bottom)[chosen] / 2
    offset = y - slope * x
    tall = float(np.median(parts.height[chosen]))
    if abs(slope) > _STEEPEST or np.abs(offset - np.median(offset)).max() > 0.75 * tall:
        return False
    order = np.argsort(parts.left[chosen])
    left, right, height = parts.left[chosen][order], parts.right[chosen][order], parts.height[chosen][order]
    common = np.minimum(right[:-1], right[1:]) - left[1:]
    apart = np.abs(np.diff(offset[order])) > 0.6 * np.maximum(height[:-1], height[1:])
    return not ((common > 0.5 * np.minimum(right[:-1] - left[:-1], right[1:] - left[1:])) & apart).any()


def _slope(parts: _Parts, chosen: NDArray[np.int64]) -> float:
    """How steeply the middles of parts fall to the right; 0 where too few tell."""
    x, y = (parts.left + parts.right)[chosen] / 2, (parts.top + parts.bottom)[chosen] / 2
    tall = float(np.median(parts.height[chosen]))
    if len(chosen) < 3 or np.ptp(x) < 2 * tall:
        return 0.0
    return float(np.polyfit(x, y, 1)[0])


def _with_small(parts: _Parts, group: NDArray[np.int64], alive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A line's parts, and the small ones that are near enough to be pieces of its digits."""
    tall = float(np.median(parts.height[group]))
    small = alive & (np.maximum(parts.height, parts.width) >= 0.12 * tall)
    small[group] = False
    found = [group]
    for k in np.flatnonzero(small):
        across = np.maximum(parts.left[group] - parts.right[k], parts.left[k] - parts.right[group])
        down = np.maximum(parts.top[group] - parts.bottom[k], parts.top[k] - parts.bottom[group])
        if (np.maximum(across, down) < 0.2 * tall).any() and parts.height[k] < 1.2 * tall:
            found.append(np.array([k]))
    return np.concatenate(found)


def _strip(sheet: Sheet, parts: _Parts, group: NDArray[np.int64]) -> Strip:
    slope = _slope(parts, group[parts.height[group] > 0.4 * np.median(parts.height[group])])
    left, right = int(parts.left[group].min()), int(parts.right[group].max())
    top, bottom = int(parts.top[group].min()), int(parts.bottom[group].max())
    crop = np.where(np.isin(parts.labels[top:bottom, left:right], group + 1), sheet.ink[top:bottom, left:right], 0)
    crop = crop.astype(np.uint8)
    tall = float(np.quantile(parts.height[group], 0.6))
    angle = math.atan(slope)
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])  # from the sheet to the straightened line
    rows, columns = np.nonzero(crop)
    along, across = turn @ np.stack([columns + 0.5, rows + 0.5])
    band = across.min() - 0.5, across.max() + 0.5
    scale = min(DIGIT / tall, ROOM / (band[1] - band[0]))
    start = along.min() - 0.5
    width = math.ceil(scale * (along.max() + 0.5 - start)) + 2 * PAPER
    small, shrunk = crop, 1.0
    if scale < 1:
        size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        shrunk = scale
    # Centres of pixels are at halves.
    shift = np.array([PAPER - scale * start, HEIGHT / 2 - scale * (band[0] + band[1]) / 2])
    forward = np.column_stack([scale * turn, shift])
    move = np.column_stack([forward[:, :2] / shrunk, shift + (forward[:, :2] / shrunk).sum(axis=1) / 2 - 0.5])
    image = cv2.warpAffine(small, move, (width, HEIGHT), flags=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR)
    back = np.linalg.inv(forward[:, :2])
    offset = -back @ shift + [left, top]
    return Strip(_brightened(image), np.column_stack([back, offset]) * sheet.factor)


def _brightened(image: Map) -> Map:
    """With strokes as bright as MNIST's, however thin."""
    ink = image[image > 32]
    bright = float(np.quantile(ink, 0.8)) if ink.size else 255.0
    return cv2.convertScaleAbs(image, alpha=255 / bright)


def _blot(parts: _Parts, k: int, factor: int, reason: str) -> Blot:
    box = parts.left[k], parts.top[k], parts.width[k], parts.height[k]
    x, y, width, height = (int(value) * factor for value in box)
    return Blot((x, y, width, height), reason)
