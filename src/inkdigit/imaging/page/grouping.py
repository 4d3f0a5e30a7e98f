"""The components of a page's ink -> lines of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.page.components import InkComponents
from inkdigit.imaging.page.deskew import line_slope
from inkdigit.imaging.page.median import median
from inkdigit.imaging.page.neighbours import Indices, near_pairs

Check = Callable[[], None]  # called again and again during long work; raises to end it

# Shares of the typical height: a component less tall than the first is not a digit alone; one less tall than the second
# may belong to smaller writing.
_MIN_HEIGHT, _OWN_SIZE = 0.4, 0.55
_MAX_GAP, _MAX_SMALL_GAP = 12, 3  # heights between two digits of a line: of the page's main size, of smaller writing
_MIN_PIECE = 0.12  # of the digits' height: what is smaller is dirt
_MAX_PIECE_GAP = 0.2  # of the digits' height: a piece farther away does not belong to a digit
_MAX_SLOPE = 0.36  # a line rises by no more than this share of its length


@dataclass(frozen=True)
class LineComponents:
    """The components of one line.

    Attributes:
        bodies: numbers of the components as tall as digits, from left to right.
        pieces: numbers of the small ones near them.
    """

    bodies: Indices
    pieces: Indices


def as_one_line(found: InkComponents, free: NDArray[np.bool_]) -> list[LineComponents]:
    """All components of a picture that shows one line -> that line, or none. free: (K,), which of them may be used."""
    if not free.any():
        return []
    bodies = np.flatnonzero(free & (found.height >= _MIN_HEIGHT * _typical_height(found, free)))
    return [_with_pieces(found, bodies, free, np.arange(len(free)))]


def group_lines(found: InkComponents, free: NDArray[np.bool_], min_height: float, check: Check) -> list[LineComponents]:
    """The components of a page -> its lines: those of the size that has most of the ink, then those of other sizes.

    Args:
        found: the K components.
        free: (K,), which of them may be used.
        min_height: the height of the smallest digit, in pixels.
        check: called again and again; raises to end the work.
    """
    groups: list[LineComponents] = []
    free = free.copy()
    by_height = _ByHeight(found, free)
    main = 0.0  # the typical height of the page's main size
    while free.any() and (typical := _typical_height(found, free)) >= min_height:
        main = main or typical
        sized = np.flatnonzero(free & (found.height >= _MIN_HEIGHT * typical) & (found.height <= typical / _MIN_HEIGHT))
        for bodies in _lines_of_one_size(found, sized, typical, check, is_small=typical < 0.5 * main):
            group = _with_pieces(found, bodies, free, by_height.near(bodies))
            groups.append(group)
            free[group.bodies] = free[group.pieces] = False
        free &= ~((found.height >= _OWN_SIZE * typical) & (found.height <= typical / _MIN_HEIGHT))
    return groups


def _lines_of_one_size(
    found: InkComponents, sized: Indices, typical: float, check: Check, *, is_small: bool
) -> list[Indices]:
    """The bodies of each line of one size. is_small: much smaller than the page's digits."""
    clusters = _clustered(found, sized, typical, check)
    lines = _chained(found, clusters, _MAX_SMALL_GAP if is_small else _MAX_GAP, check)
    # Smaller ones are left for the next round, with others of their size.
    lines = [bodies for bodies in lines if median(found.height[bodies]) >= _OWN_SIZE * typical]
    if is_small:  # it may be dirt, of which there is much, but not in lines
        lines = [bodies for bodies in lines if len(bodies) >= 3]
        count = np.count_nonzero(found.height[sized] >= _OWN_SIZE * typical)
        if sum(map(len, lines)) < 0.5 * count:
            return []
    return lines


def _typical_height(found: InkComponents, free: NDArray[np.bool_]) -> float:
    """The height of the components that have most of the ink; a speck counts little."""
    heights = found.height[free]
    weights = found.mass[free] * np.maximum(heights, found.width[free]).astype(np.float64) ** 2
    order = np.argsort(heights)
    return float(heights[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def _clustered(found: InkComponents, bodies: Indices, typical: float, check: Check) -> list[Indices]:
    """Bodies; those one above the other and together as tall as one, the pieces of a broken stroke, are joined."""
    if not bodies.size:
        return []
    left, right, top, bottom = (side[bodies] for side in (found.left, found.right, found.top, found.bottom))
    pairs: list[NDArray[np.int64]] = []
    for one, other in near_pairs(left, top, right - left, int(1.3 * typical) + 1):
        check()
        common = np.minimum(right[one], right[other]) - np.maximum(left[one], left[other])
        narrow = np.minimum((right - left)[one], (right - left)[other])
        gap = np.maximum(top[one] - bottom[other], top[other] - bottom[one])
        tall = np.maximum(bottom[one], bottom[other]) - np.minimum(top[one], top[other])
        joined = (common > 0.4 * narrow) & (gap < 0.2 * typical) & (tall < 1.3 * typical) & (one != other)
        pairs.append(np.sort(np.stack([one[joined], other[joined]], 1), axis=1))
    cluster = [[k] for k in range(len(bodies))]
    extent = list(zip(top.tolist(), bottom.tolist(), strict=True))
    for one, other in np.unique(np.concatenate(pairs), axis=0).tolist():
        low, high = min(extent[one][0], extent[other][0]), max(extent[one][1], extent[other][1])
        if cluster[one] is not cluster[other] and high - low < 1.5 * typical:
            together = cluster[one] + cluster[other]
            for k in together:
                cluster[k], extent[k] = together, (low, high)
    return [bodies[members] for members in _distinct(cluster)]


def _distinct(lists: list[list[int]]) -> list[list[int]]:
    """Each of the lists once, by identity, in the order of their first places."""
    return list({id(members): members for members in lists}.values())


def _chained(found: InkComponents, clusters: list[Indices], max_gap: float, check: Check) -> list[Indices]:
    """Clusters side by side, joined into lines: the nearest first, if the result still lies along a line.

    max_gap: heights between two of a line.
    """
    if not clusters:
        return []
    boxes = np.array(
        [(found.left[c].min(), found.top[c].min(), found.right[c].max(), found.bottom[c].max()) for c in clusters]
    )
    members = [[k] for k in range(len(boxes))]  # of each line, also of those that became a part of another
    line = list(range(len(boxes)))  # of each box: the number of its line
    apart: set[tuple[int, int]] = set()  # lines that do not go together: on a full page they meet again and again
    for one, other in _side_by_side(boxes, max_gap, check):
        pair = min(line[one], line[other]), max(line[one], line[other])
        if pair[0] == pair[1] or pair in apart:
            continue
        check()
        together = members[line[one]] + members[line[other]]
        if not _in_line(boxes[together]):
            apart.add(pair)
            continue
        for k in together:
            line[k] = len(members)
        members.append(together)
    lines = _absorbed(boxes, [members[number] for number in dict.fromkeys(line)], check)
    bodies = [np.concatenate([clusters[k] for k in joined]) for joined in lines]
    return [body[np.argsort(found.left[body])] for body in bodies]


def _side_by_side(boxes: NDArray[np.int64], max_gap: float, check: Check) -> list[list[int]]:
    """Pairs of boxes that may stand side by side, left one first; the pairs that do so best come first."""
    left, top, right, bottom = boxes.T
    height, middle = bottom - top, left + right
    reach = right - left + int(max_gap * height.max()) + 1
    costs: list[NDArray[np.float64]] = []
    pairs: list[NDArray[np.int64]] = []
    for first, second in near_pairs(left, top, reach, int(height.max())):
        check()
        in_order = middle[first] < middle[second]
        one, other = np.where(in_order, first, second), np.where(in_order, second, first)
        larger, smaller = np.maximum(height[one], height[other]), np.minimum(height[one], height[other])
        common = (np.minimum(bottom[one], bottom[other]) - np.maximum(top[one], top[other])) / smaller
        gap = np.maximum(left[other] - right[one], 0) / larger
        near = (middle[one] < middle[other]) & (common > np.minimum(0.25 + 0.03 * gap, 0.6)) & (gap < max_gap)
        near &= smaller > 0.33 * larger
        costs.append((gap + 2 * (1 - common))[near])
        pairs.append(np.stack([one[near], other[near]], 1))
    cost, pair = np.concatenate(costs), np.concatenate(pairs)
    order = np.lexsort((pair[:, 1], pair[:, 0], cost))
    pair = pair[order]
    # Boxes with the same left side were found in both orders.
    repeated = np.zeros(len(pair), bool)
    repeated[1:] = (pair[1:] == pair[:-1]).all(axis=1)
    return pair[~repeated].tolist()


def _in_line(boxes: NDArray[np.int64]) -> bool:
    """Whether boxes (N, 4) lie along one line that rises little, none above another."""
    boxes = boxes[np.argsort(boxes[:, 0] + boxes[:, 2])]
    left, top, right, bottom = boxes.T
    slope = line_slope(boxes)
    offset = (top + bottom) / 2 - slope * (left + right) / 2
    tall = median(bottom - top)
    if abs(slope) > _MAX_SLOPE or np.abs(offset - median(offset)).max() > 0.75 * tall:
        return False
    common = np.minimum(right[:-1], right[1:]) - np.maximum(left[:-1], left[1:])
    apart = np.abs(np.diff(offset)) > 0.6 * np.maximum(bottom - top, tall)[:-1]
    return not ((common > 0.5 * np.minimum(right - left, np.roll(right - left, -1))[:-1]) & apart).any()


def _absorbed(boxes: NDArray[np.int64], lines: list[list[int]], check: Check) -> list[list[int]]:
    """Lines; those of one or two bodies within the height of a longer line, pieces of its digits, are joined to it."""
    lines = sorted(lines, key=len)
    longer = [members for members in lines if len(members) > 2]
    if not longer:
        return lines
    shapes = np.array([_line_shape(boxes[members]) for members in longer])
    for few in lines[: len(lines) - len(longer)]:
        check()
        left, top, right, bottom = boxes[few].T[:, :, None]
        tall, slope, middle, first, last = shapes.T
        away = np.abs((top + bottom) / 2 - middle - slope * (left + right) / 2) + (bottom - top) / 2
        inside = (left.min(axis=0) > first - tall) & (right.max(axis=0) < last + tall)
        if (fits := np.flatnonzero(inside & (away.max(axis=0) < 0.75 * tall))).size:
            longer[fits[0]].extend(few)
            few.clear()
            shapes[fits[0]] = _line_shape(boxes[longer[fits[0]]])
    return [members for members in lines if members]


def _line_shape(line: NDArray[np.int64]) -> tuple[float, float, float, float, float]:
    """The boxes of a line (N, 4) -> its digits' height, slope, height of its middle at x = 0, and both ends."""
    slope = line_slope(line)
    middle = median((line[:, 1] + line[:, 3]) / 2 - slope * (line[:, 0] + line[:, 2]) / 2)
    return median(line[:, 3] - line[:, 1]), slope, middle, line[:, 0].min(), line[:, 2].max()


class _ByHeight:
    """The components of a page in the order of their middles' heights, to find those near a line without all others."""

    def __init__(self, found: InkComponents, free: NDArray[np.bool_]) -> None:
        self._found = found
        middle = (found.top + found.bottom) / 2
        self._order = np.argsort(middle, kind="stable")
        self._middle = middle[self._order]
        self._half = float(found.width[free].max(initial=0)) / 2

    def near(self, bodies: Indices) -> Indices:
        """The numbers of all components that can be pieces of a line with these bodies, in ascending order."""
        boxes = self._found.boxes[bodies]
        tall = median(boxes[:, 3] - boxes[:, 1])
        ends = np.array([boxes[:, 0].min() - tall - self._half, boxes[:, 2].max() + tall + self._half])
        slope, offset = _course(boxes)
        low, high = (slope * ends + offset).min() - tall, (slope * ends + offset).max() + tall
        first, last = np.searchsorted(self._middle, [low, high])
        return np.sort(self._order[first:last])


def _course(boxes: NDArray[np.int64]) -> tuple[float, float]:
    """The boxes of a line (N, 4) -> slope and offset of the straight line along its middles."""
    slope, middle = line_slope(boxes), (boxes[:, 1] + boxes[:, 3]) / 2
    return slope, median(middle - slope * (boxes[:, 0] + boxes[:, 2]) / 2)


def _with_pieces(found: InkComponents, bodies: Indices, free: NDArray[np.bool_], candidates: Indices) -> LineComponents:
    """A line with those of the candidates that are small and near enough to be pieces of its digits."""
    tall = median(found.height[bodies])
    small = free[candidates] & (_size(found, candidates) >= _MIN_PIECE * tall)
    few = candidates[small & (found.bottom[candidates] - found.top[candidates] < 1.2 * tall)]
    few = few[~np.isin(few, bodies)]
    slope, offset = _course(found.boxes[bodies])
    size = _size(found, few)
    away = np.abs((found.top[few] + found.bottom[few]) / 2 - slope * (found.left[few] + found.right[few]) / 2 - offset)
    gap = _gaps(found.left[bodies], found.right[bodies], found.left[few], found.right[few])
    near = (gap < np.minimum(_MAX_PIECE_GAP * tall, 2 * size)) & (away < 0.7 * tall)
    near |= (gap < tall) & (away < 0.4 * tall) & (size > 2 * _MIN_PIECE * tall)
    return LineComponents(bodies, few[near])


def _size(found: InkComponents, chosen: Indices) -> NDArray[np.int64]:
    height, width = found.bottom[chosen] - found.top[chosen], found.right[chosen] - found.left[chosen]
    return np.maximum(height, width)


def _gaps(left: Indices, right: Indices, piece_left: Indices, piece_right: Indices) -> NDArray[np.int64]:
    """How far pieces (P,) are to the side of the nearest of N bodies, 0 where they overlap."""
    order = np.argsort(left)
    reached = np.maximum.accumulate(right[order])  # how far right the bodies up to each one go
    following = np.searchsorted(left[order], piece_left, "right")
    before = np.where(following > 0, piece_left - reached[following - 1], np.iinfo(np.int64).max)
    after = np.append(left[order], np.iinfo(np.int64).max)[following]
    return np.minimum(before, np.maximum(after - piece_right, 0)).clip(0)
