"""The ink of a page -> its lines, each as strips 48 pixels high with digits of about 28."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.grayscale import Ink
from inkdigit.imaging.page.ink_map import InkMap, Map, find_ink

Layout = Literal["page", "line"]
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture

HEIGHT = 48  # pixels of a strip
DIGIT = 28  # pixels of a typical digit's height in a strip
ROOM = 44  # pixels of a strip's height that ink may take
PAPER = 10  # columns of paper at each end of a strip

_SMALLEST, _TINIEST = 10, 6  # pixels of a digit's height, at least: in a picture, and in one that was shrunk
_CUT_OFF = 0.4  # of a part's side, in a page: where the edge of the picture cuts so much, it is no digit
_BORDERLESS = 0.15  # of what surrounds a part: where so much is as dark as it is, it is a shadow
_UPRIGHT = 0.3  # what speaks for a page that stands upright, at least, where it is not tried on its side
_TELLING = 400  # digits tell enough
_LEAST = 0.4  # of the typical height: what is less tall is no digit alone
_OWN = 0.55  # of the typical height: what is less tall may be of smaller writing
_FARTHEST = 12  # heights between two digits of a line
_PIECE, _NEAR = 0.12, 0.2  # of the digits' height: what is smaller is dirt; what is farther away belongs to no digit
_STEEPEST = 0.36  # a line rises by no more than so much of its length


@dataclass(frozen=True)
class Strip:
    """A line of ink, straightened.

    image: (48, W) uint8, ink bright on 0, thin strokes as bright as broad ones, PAPER columns of 0 at each end.
    to_picture: (2, 3), the affine map from its pixels (x, y, 1) to those of the picture.
    """

    image: Map
    to_picture: NDArray[np.float64]

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The upright box in the picture around a box in the strip."""
        return _box(self.to_picture, left, top, right, bottom)


def _box(to_picture: NDArray[np.float64], left: float, top: float, right: float, bottom: float) -> Box:
    x, y = to_picture @ np.array([[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]])
    least = math.floor(x.min() + 1e-6), math.floor(y.min() + 1e-6)
    return *least, max(1, math.ceil(x.max() - 1e-6) - least[0]), max(1, math.ceil(y.max() - 1e-6) - least[1])


@dataclass(frozen=True)
class RejectedRegion:
    """Ink that is in no line, and why, in a few words."""

    box: Box
    reason: str


@dataclass(frozen=True)
class Lines:
    """The lines of a page from top to bottom, and what is in none."""

    lines: list[Strip]
    blots: list[RejectedRegion]


@dataclass(frozen=True)
class _Parts:
    """The K connected components of a sheet's ink: the label of each, its box, the sum of its ink, its contrast."""

    label: NDArray[np.int64]
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    right: NDArray[np.int64]
    bottom: NDArray[np.int64]
    mass: NDArray[np.float64]
    contrast: NDArray[np.float64]

    @property
    def boxes(self) -> NDArray[np.int64]:
        """(K, 4): left, top, right, bottom."""
        return np.stack([self.left, self.top, self.right, self.bottom], axis=1)

    @property
    def height(self) -> NDArray[np.int64]:
        return self.bottom - self.top

    @property
    def width(self) -> NDArray[np.int64]:
        return self.right - self.left


def strips(picture: Image.Image, layout: Layout = "page", ink: Ink = "auto") -> Lines:
    """The lines of ink in a picture of mode L, RGB or RGBA, upright. layout: "line" says that there is one line."""
    return find_lines(find_ink(picture, ink), layout)


def find_lines(sheet: InkMap, layout: Layout = "page") -> Lines:
    """The lines of a sheet's ink. Where the page lies on its side, turn the sheet first, as `turns` says."""
    parts = _parts(sheet)
    blots: list[RejectedRegion] = []
    free = np.maximum(parts.height, parts.width) >= _smallest(sheet)
    if layout == "page":
        for reason, found in _unlike_writing(sheet, parts):
            blots += [_blot(sheet, parts, k, reason) for k in np.flatnonzero(found & free)]
            free &= ~found
    groups = _one_line(parts, free) if layout == "line" else _levels(parts, free, _smallest(sheet))
    groups.sort(key=lambda group: float(np.median((parts.top + parts.bottom)[group.bodies])))
    return Lines([_strip(sheet, parts, group) for group in groups], blots)


def candidate_rotations(sheet: InkMap) -> tuple[int, ...]:
    """By how many right angles, counter-clockwise, a sheet may have to be turned to be upright; what is likelier first.

    Digits are tall, and stand nearer to those beside than to those above them. Whether it is on its head shows in the
    digits alone: they have to be read.
    """
    parts = _parts(sheet)
    free = np.maximum(parts.height, parts.width) >= _smallest(sheet)
    for _, found in _unlike_writing(sheet, parts):
        free &= ~found
    if not free.any():
        return (0,)
    size = np.maximum(parts.height, parts.width)
    typical = float(np.median(size[free & (size >= 0.5 * size[free].max())]))
    bodies = np.flatnonzero(free & (size > _OWN * typical))[:_TELLING]
    tall = np.log(parts.height[bodies] / parts.width[bodies])
    x, y = (parts.left + parts.right)[bodies] / 2, (parts.top + parts.bottom)[bodies] / 2
    across, down = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
    nearest = (np.hypot(across, down) + np.diag(np.full(len(bodies), np.inf))).argmin(axis=1)
    rows = np.arange(len(bodies))
    beside = np.sign(across[rows, nearest] - down[rows, nearest])
    upright = float(np.tanh(2 * tall).mean()) + 0.4 * float(beside.mean()) * (len(bodies) > 2)
    if upright > _UPRIGHT:
        return (0,)
    return (1, 3, 0) if upright < 0 else (0, 1, 3)


@dataclass(frozen=True)
class _Group:
    """A line's parts: those of its digits' size, from left to right, and the pieces near them."""

    bodies: NDArray[np.int64]
    pieces: NDArray[np.int64]


def _parts(sheet: InkMap) -> _Parts:
    flat = np.flatnonzero(sheet.ink)
    label = sheet.labels.ravel()[flat]
    order = np.argsort(label, kind="stable")
    label, flat = label[order], flat[order]
    first = np.flatnonzero(np.diff(label, prepend=0))
    if not first.size:
        none = np.zeros(0, np.int64)
        return _Parts(none, none, none, none, none, np.zeros(0), np.zeros(0))
    rows, columns = np.divmod(flat, sheet.ink.shape[1])
    mass = np.add.reduceat(sheet.ink.ravel()[flat], first, dtype=np.float64) / 255
    low, high = np.minimum.reduceat, np.maximum.reduceat
    boxes = low(columns, first), low(rows, first), high(columns, first) + 1, high(rows, first) + 1
    return _Parts(label[first].astype(np.int64), *boxes, mass, sheet.contrast[label[first]])


def _unlike_writing(sheet: InkMap, parts: _Parts) -> list[tuple[str, NDArray[np.bool_]]]:
    """Which parts of a page are no writing, and why."""
    height, width = sheet.ink.shape
    rules = (parts.width > 8 * parts.height) & (parts.width > 0.08 * width)
    rules |= (parts.height > 16 * parts.width) & (parts.height > 0.25 * height)
    return [("goes on beyond the picture", _foreign(sheet, parts)), ("rule", rules), ("shadow", _shadows(sheet, parts))]


def _foreign(sheet: InkMap, parts: _Parts) -> NDArray[np.bool_]:
    """Which parts go on beyond the picture: where they end at its edge they are broad."""
    foreign = np.zeros(len(parts.label), bool)
    edges = (
        (np.s_[0], parts.width),
        (np.s_[-1], parts.width),
        (np.s_[:, 0], parts.height),
        (np.s_[:, -1], parts.height),
    )
    for edge, extent in edges:
        labels = sheet.labels[edge][sheet.ink[edge] > 0]
        foreign |= np.bincount(labels, minlength=len(sheet.contrast))[parts.label] > _CUT_OFF * extent
    return foreign


def _shadows(sheet: InkMap, parts: _Parts) -> NDArray[np.bool_]:
    """Which parts are corners of shadows: on some side, what is beside them is as dark as they are."""
    large = parts.mass > np.maximum(0.3 * parts.height * parts.width, 100)
    found = np.zeros(len(parts.label), bool)
    for k in np.flatnonzero(large):
        rows = slice(max(0, parts.top[k] - 8), parts.bottom[k] + 8)
        columns = slice(max(0, parts.left[k] - 8), parts.right[k] + 8)
        ink = (sheet.ink[rows, columns] > 0).view(np.uint8)
        mine = (sheet.labels[rows, columns] == parts.label[k]).view(np.uint8)
        ring = (cv2.dilate(mine, np.ones((13, 13), np.uint8)) > 0) & (cv2.dilate(ink, np.ones((7, 7), np.uint8)) == 0)
        grey = sheet.grey[rows, columns]
        if ring.any():
            dark, light = float(np.median(grey[mine > 0])), float(np.quantile(grey[ring], 0.9))
            found[k] = (grey[ring] < 0.6 * dark + 0.4 * light).mean() > _BORDERLESS
    return found


def _smallest(sheet: InkMap) -> float:
    """How high a digit is at least, in pixels of the sheet."""
    shrunk = math.sqrt(abs(float(np.linalg.det(sheet.to_picture[:, :2]))))
    return max(_TINIEST, _SMALLEST / shrunk)


def _one_line(parts: _Parts, free: NDArray[np.bool_]) -> list[_Group]:
    if not free.any():
        return []
    typical = _typical(parts, free)
    bodies = np.flatnonzero(free & (parts.height >= _LEAST * typical))
    return [_with_pieces(parts, bodies, free)]


def _levels(parts: _Parts, free: NDArray[np.bool_], smallest: float) -> list[_Group]:
    """The lines of a page: those of the size that has most of the ink, then of the size that has most of the rest."""
    groups: list[_Group] = []
    free = free.copy()
    first = 0.0
    while free.any() and (typical := _typical(parts, free)) >= smallest:
        first = first or typical
        sized = np.flatnonzero(free & (parts.height >= _LEAST * typical) & (parts.height <= typical / _LEAST))
        # What is much smaller than the page's digits may be dirt, of which there is much and not in lines.
        small = typical < 0.5 * first
        lines = _chained(parts, _clustered(parts, sized, typical), 3 if small else _FARTHEST)
        # The smaller ones are for the next turn, with others of their size.
        lines = [bodies for bodies in lines if np.median(parts.height[bodies]) >= _OWN * typical]
        if small:
            lines = [bodies for bodies in lines if len(bodies) >= 3]
            own = np.count_nonzero(parts.height[sized] >= _OWN * typical)
            if sum(map(len, lines)) < 0.5 * own:
                lines = []
        for bodies in lines:
            group = _with_pieces(parts, bodies, free)
            groups.append(group)
            free[group.bodies] = free[group.pieces] = False
        free &= ~((parts.height >= _OWN * typical) & (parts.height <= typical / _LEAST))
    return groups


def _typical(parts: _Parts, free: NDArray[np.bool_]) -> float:
    """The height of those parts that have most of the ink; a speck's counts little."""
    heights = parts.height[free]
    weights = parts.mass[free] * np.maximum(heights, parts.width[free]).astype(np.float64) ** 2
    order = np.argsort(heights)
    return float(heights[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def _clustered(parts: _Parts, bodies: NDArray[np.int64], typical: float) -> list[list[int]]:
    """Bodies, those together that are one above the other and as tall as one: the pieces of a broken stroke."""
    left, right, top, bottom = (side[bodies] for side in (parts.left, parts.right, parts.top, parts.bottom))
    common = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    narrow = np.minimum((right - left)[:, None], right - left)
    gap = np.maximum(top[:, None] - bottom, top - bottom[:, None])
    tall = np.maximum(bottom[:, None], bottom) - np.minimum(top[:, None], top)
    joined = (common > 0.4 * narrow) & (gap < 0.2 * typical) & (tall < 1.3 * typical)
    clusters = [[int(k)] for k in bodies]
    for one, other in np.argwhere(np.triu(joined, 1)):
        if clusters[one] is not clusters[other]:
            together = clusters[one] + clusters[other]
            height = parts.bottom[together].max() - parts.top[together].min()
            if height < 1.5 * typical:
                for k, cluster in enumerate(clusters):
                    if cluster[0] in together:
                        clusters[k] = together
    return list({id(cluster): cluster for cluster in clusters}.values())


def _chained(parts: _Parts, clusters: list[list[int]], farthest: float) -> list[NDArray[np.int64]]:
    """Clusters side by side, joined into lines: the nearest first, as long as what is joined lies along a line.

    farthest: heights between two of a line.
    """
    boxes = np.array(
        [
            (parts.left[c].min(), parts.top[c].min(), parts.right[c].max(), parts.bottom[c].max())
            for c in map(np.array, clusters)
        ]
    )
    line = [[k] for k in range(len(boxes))]
    for _, one, other in sorted(_neighbours(boxes, farthest)):
        if line[one] is not line[other] and _in_line(boxes[line[one] + line[other]]):
            together = line[one] + line[other]
            for k in together:
                line[k] = together
    lines = _absorbed(boxes, list({id(members): members for members in line}.values()))
    bodies = [np.concatenate([clusters[k] for k in members]) for members in lines]
    return [found[np.argsort(parts.left[found])] for found in bodies]


def _neighbours(boxes: NDArray[np.int64], farthest: float) -> list[tuple[float, int, int]]:
    """Pairs that may stand side by side, and how far they are from doing so."""
    left, top, right, bottom = boxes.T
    height = bottom - top
    pairs: list[tuple[float, int, int]] = []
    for one in range(len(boxes)):
        larger, smaller = np.maximum(height, height[one]), np.minimum(height, height[one])
        common = (np.minimum(bottom, bottom[one]) - np.maximum(top, top[one])) / smaller
        gap = np.maximum(left - right[one], 0) / larger
        after = left + right > left[one] + right[one]
        near = after & (common > np.minimum(0.25 + 0.03 * gap, 0.6)) & (gap < farthest) & (smaller > 0.33 * larger)
        cost = gap + 2 * (1 - common)
        pairs += [(float(cost[k]), one, int(k)) for k in np.flatnonzero(near)]
    return pairs


def _in_line(boxes: NDArray[np.int64]) -> bool:
    """Whether boxes lie along one line that rises little, none above another."""
    boxes = boxes[np.argsort(boxes[:, 0] + boxes[:, 2])]
    left, top, right, bottom = boxes.T
    slope = _slope(boxes)
    offset = (top + bottom) / 2 - slope * (left + right) / 2
    tall = float(np.median(bottom - top))
    if abs(slope) > _STEEPEST or np.abs(offset - np.median(offset)).max() > 0.75 * tall:
        return False
    common = np.minimum(right[:-1], right[1:]) - np.maximum(left[:-1], left[1:])
    apart = np.abs(np.diff(offset)) > 0.6 * np.maximum(bottom - top, tall)[:-1]
    return not ((common > 0.5 * np.minimum(right - left, np.roll(right - left, -1))[:-1]) & apart).any()


def _slope(boxes: NDArray[np.int64]) -> float:
    """How steeply the middles of boxes fall to the right; 0 where too few tell."""
    left, top, right, bottom = boxes.T
    x, y = (left + right) / 2, (top + bottom) / 2
    if len(boxes) < 3 or np.ptp(x) < 2 * np.median(bottom - top):
        return 0.0
    return float(np.polyfit(x, y, 1)[0])


def _absorbed(boxes: NDArray[np.int64], lines: list[list[int]]) -> list[list[int]]:
    """Lines, and in them the few bodies that lie within their height: pieces of their digits."""
    lines = sorted(lines, key=len)
    for number, few in enumerate(lines):
        if len(few) > 2:
            break
        left, top, right, bottom = boxes[few].T
        for more in lines[number + 1 :]:
            line = boxes[more]
            tall = float(np.median(line[:, 3] - line[:, 1]))
            slope = _slope(line)
            middle = np.median((line[:, 1] + line[:, 3]) / 2 - slope * (line[:, 0] + line[:, 2]) / 2)
            away = np.abs((top + bottom) / 2 - middle - slope * (left + right) / 2) + (bottom - top) / 2
            inside = left.min() > line[:, 0].min() - tall and right.max() < line[:, 2].max() + tall
            if len(more) > 2 and inside and away.max() < 0.75 * tall:
                more.extend(few)
                few.clear()
                break
    return [members for members in lines if members]


def _with_pieces(parts: _Parts, bodies: NDArray[np.int64], free: NDArray[np.bool_]) -> _Group:
    """A line, with what is small and near enough to be a piece of its digits."""
    tall = float(np.median(parts.height[bodies]))
    size = np.maximum(parts.height, parts.width)
    small = free & (size >= _PIECE * tall) & (parts.height < 1.2 * tall)
    small[bodies] = False
    few = np.flatnonzero(small)
    boxes = parts.boxes[bodies]
    slope, middle = _slope(boxes), (boxes[:, 1] + boxes[:, 3]) / 2
    offset = np.median(middle - slope * (boxes[:, 0] + boxes[:, 2]) / 2)
    away = np.abs((parts.top + parts.bottom)[few] / 2 - slope * (parts.left + parts.right)[few] / 2 - offset)
    across = np.maximum(parts.left[bodies] - parts.right[few, None], parts.left[few, None] - parts.right[bodies])
    gap = across.min(axis=1)
    near = (gap < np.minimum(_NEAR * tall, 2 * size[few])) & (away < 0.7 * tall)
    near |= (gap < tall) & (away < 0.4 * tall) & (size[few] > 2 * _PIECE * tall)
    return _Group(bodies, few[near])


def _strip(sheet: InkMap, parts: _Parts, group: _Group) -> Strip:
    whole = np.concatenate([group.bodies, group.pieces])
    bodies = group.bodies
    slope = _slope(parts.boxes[bodies])
    left, right = int(parts.left[whole].min()), int(parts.right[whole].max())
    top, bottom = int(parts.top[whole].min()), int(parts.bottom[whole].max())
    mine = np.zeros(len(sheet.contrast), np.uint8)
    mine[parts.label[whole]] = 255
    crop = cv2.bitwise_and(sheet.ink[top:bottom, left:right], mine[sheet.labels[top:bottom, left:right]])
    tall = float(np.quantile(parts.height[bodies], 0.6))
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
    on_sheet = np.column_stack([back, [left, top] - back @ shift])
    return Strip(_brightened(image), sheet.to_picture @ np.vstack([on_sheet, [0, 0, 1]]))


def _brightened(image: Map) -> Map:
    """With strokes as bright as MNIST's, however thin."""
    ink = image[image > 32]
    bright = float(np.quantile(ink, 0.8)) if ink.size else 255.0
    return cv2.convertScaleAbs(image, alpha=255 / bright)


def _blot(sheet: InkMap, parts: _Parts, k: np.intp, reason: str) -> RejectedRegion:
    return RejectedRegion(_box(sheet.to_picture, parts.left[k], parts.top[k], parts.right[k], parts.bottom[k]), reason)
