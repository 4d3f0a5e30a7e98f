"""A page's darkness -> the same without printed rules, squares and boxes; the ink that crosses them stays."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.page.boxes import MIN_RIDGE, Corners, are_squares, find_boxes
from inkdigit.imaging.page.paper import Map, resize_by

_SEARCH_SIZE = 1400  # pixels along the longer side, about, of the picture in which rules are looked for
_BLOCK = 12  # pixels of a rule that are looked at together
_MIN_BLOCK_SHARE = 0.7  # of a block's columns show the rule
_HALF_WIDTH = 4  # pixels: half a rule's width is less
_MAX_GAP = 6  # blocks of a rule that may be hidden, or too faint
_REACH = 8  # blocks that a rule may continue beyond where it is found
_MIN_LENGTH_SHARE = 0.3  # of the picture's longer side: what is so long and straight is not a stroke
_MIN_FOUND_SHARE = 0.6  # of a rule's blocks are found
_MIN_LENGTH = 250  # pixels; in small pictures a rule goes from one side to the other
_MAX_SLOPE = 0.25
_MAX_RULES = 160  # of one direction: squared paper has 60; more are rows of dots, and stay


@dataclass(frozen=True)
class _Rule:
    """A rule that runs across: places (N,) from left to right, and how far down it is at each."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


def without_rules(dark: Map) -> Map:
    """A page's darkness (H, W) uint8, 0 for paper -> the same without its printed rules.

    Rules that run down are looked for in large pictures only: in small ones they may be a 1.
    """
    shrink = max(1.0, max(dark.shape) / _SEARCH_SIZE)
    small = resize_by(dark, 1 / shrink) if shrink > 1 else dark
    min_length = _MIN_LENGTH_SHARE * max(small.shape)
    across = _rules(small, max(min_length, min(0.8 * small.shape[1], _MIN_LENGTH)))
    down = _rules(cv2.transpose(small), max(min_length, _MIN_LENGTH))
    boxes = find_boxes(small)
    if are_squares(boxes):
        boxes = [corners for corners in boxes if not any(_has_side_on(rule, corners) for rule in down)]
    dark = _without(dark, _sides(boxes, [[0, 1], [3, 2]]), shrink, _HALF_WIDTH)
    dark = _without(dark, across, shrink, 2 * _HALF_WIDTH)
    if down or boxes:
        dark = cv2.transpose(dark)
        dark = _without(dark, _sides([corners[:, ::-1] for corners in boxes], [[0, 3], [1, 2]]), shrink, _HALF_WIDTH)
        dark = cv2.transpose(_without(dark, down, shrink, 2 * _HALF_WIDTH))
    return dark


def _has_side_on(rule: _Rule, corners: Corners) -> bool:
    """Whether one side of a box is on a rule that runs down."""
    middle = corners[:, 1].mean()
    at = np.interp(middle, rule.x, rule.y)
    inside = rule.x[0] <= middle <= rule.x[-1]
    return bool(inside and np.abs(corners[[0, 1], 0] + corners[[3, 2], 0] - 2 * at).min() < 2 * _HALF_WIDTH)


def _sides(boxes: list[Corners], which: list[list[int]]) -> list[_Rule]:
    """Sides of boxes, given by the numbers of their ends."""
    ends = [corners[side] for corners in boxes for side in which]
    places = np.linspace(0, 1, 8)
    half = _HALF_WIDTH / 2  # of the frame, around the corner
    return [_Rule(np.linspace(a[0] - half, b[0] + half, 8), a[1] + places * (b[1] - a[1])) for a, b in ends]


def _without(dark: Map, rules: list[_Rule], shrink: float, reach: int) -> Map:
    """A page's darkness without rules across.

    shrink: how many times smaller the picture was in which they were found. reach: pixels of that picture, up and
    down, in which a rule is.
    """
    if rules:
        dark = dark.copy()
    for rule in rules:
        _erase(dark, rule, shrink, reach)
    return dark


def _rules(dark: Map, min_length: float) -> list[_Rule]:
    """The rules that run across, a little up or down, straight or bent as the paper is. min_length: pixels."""
    height, width = dark.shape
    count = width // _BLOCK
    if height < 4 * _HALF_WIDTH or count < 4:
        return []
    place = _nodes(dark[:, : count * _BLOCK], count)
    rules = [rule for rule in _tracked(place) if rule.x[-2] - rule.x[1] >= min_length]
    return rules if len(rules) <= _MAX_RULES else []


def _nodes(dark: Map, count: int) -> list[NDArray[np.int64]]:
    """For each block of columns: the rows in which there may be a rule."""
    smooth = cv2.blur(dark, (7, 1)).astype(np.int16)
    wide = np.pad(smooth, ((_HALF_WIDTH, _HALF_WIDTH), (0, 0)))
    ridge = (smooth > np.maximum(wide[: -2 * _HALF_WIDTH], wide[2 * _HALF_WIDTH :]) + MIN_RIDGE).view(np.uint8)
    ridge = cv2.dilate(ridge, np.ones((3, 1), np.uint8))
    share = ridge.reshape(len(ridge), count, _BLOCK).mean(axis=2, dtype=np.float32)
    level = smooth.reshape(len(ridge), count, _BLOCK).mean(axis=2, dtype=np.float32)
    level[share < _MIN_BLOCK_SHARE] = 0
    best = cv2.dilate(level, np.ones((2 * _HALF_WIDTH + 1, 1), np.uint8))
    return [np.flatnonzero((level[:, k] > 0) & (level[:, k] == best[:, k])) for k in range(count)]


def _tracked(place: list[NDArray[np.int64]]) -> list[_Rule]:
    """Rows of neighbouring blocks, joined where one continues the other's course."""
    tracks: list[list[tuple[int, float]]] = []
    slopes: list[float] = []
    going_on: list[int] = []  # numbers of the tracks that are not yet too far back to be continued
    for block, rows in enumerate(place):
        free = np.ones(len(rows), bool)
        ascending = rows.tolist()
        going_on = [number for number in going_on if block - tracks[number][-1][0] <= _MAX_GAP]
        for number in going_on:
            track = tracks[number]
            last, y = track[-1]
            gap = block - last
            expected = y + gap * slopes[number]
            furthest = 1.5 + 0.4 * gap + (1.5 if len(track) < 4 else 0)
            after = bisect_left(ascending, expected)
            if all(abs(row - expected) > furthest for row in ascending[max(after - 1, 0) : after + 1]):
                continue  # most tracks on a page full of ink: NumPy would take long over each
            distance = np.where(free, np.abs(rows - expected), np.inf)
            nearest = int(distance.argmin())
            if distance[nearest] > furthest:
                continue
            free[nearest] = False
            track.append((block, float(rows[nearest])))
            early = track[-min(len(track), 12)]
            slope = (rows[nearest] - early[1]) / (block - early[0])
            slopes[number] = float(np.clip(slope, -_MAX_SLOPE * _BLOCK, _MAX_SLOPE * _BLOCK))
        for row in rows[free]:
            going_on.append(len(tracks))
            tracks.append([(block, float(row))])
            slopes.append(0.0)
    return [rule for track in tracks if (rule := _rule(track, len(place)))]


def _rule(track: list[tuple[int, float]], count: int) -> _Rule | None:
    blocks, rows = np.array(track).T
    if len(track) < 4 or len(track) < _MIN_FOUND_SHARE * (blocks[-1] - blocks[0] + 1):
        return None
    smooth = cv2.blur(rows.reshape(1, -1), (5, 1), borderType=cv2.BORDER_REPLICATE)[0] if len(rows) > 8 else rows
    # Continue to the picture's edges where they are near: erasing finds out whether the rule is there.
    ends = np.array([max(0, blocks[0] - _REACH), min(count, blocks[-1] + _REACH)])
    slope = (smooth[[7, -1]] - smooth[[0, -8]]) / (blocks[[7, -1]] - blocks[[0, -8]]) if len(rows) > 8 else np.zeros(2)
    beyond = smooth[[0, -1]] + slope * (ends - blocks[[0, -1]])
    x, y = np.concatenate([ends[:1], blocks, ends[1:]]), np.concatenate([beyond[:1], smooth, beyond[1:]])
    x = (x + 0.5) * _BLOCK
    x[[0, -1]] += -_BLOCK, _BLOCK
    return _Rule(x, y)


def _erase(dark: Map, rule: _Rule, shrink: float, reach: int) -> None:
    """Take one rule off, in place. Arguments as for `_without`."""
    height, width = dark.shape
    x = np.arange(max(0, int(rule.x[0] * shrink)), min(width, int(rule.x[-1] * shrink) + 1))
    y = np.rint((np.interp((x + 0.5) / shrink, rule.x, rule.y) + 0.5) * shrink - 0.5).astype(np.int64)
    reach = int(np.ceil(reach * shrink))
    rows = (y + np.arange(-2 * reach, 2 * reach + 1)[:, None]).clip(0, height - 1)
    band = dark[rows, x]
    dark[rows, x] = _cleaned(band, reach)


def _cleaned(band: Map, reach: int) -> Map:
    """A band around a rule, straightened, without the rule. reach: rows up and down in which it is."""
    middle = len(band) // 2
    profile = _along(band)
    peak = profile[middle - reach // 2 : middle + reach // 2 + 1].max(axis=0)
    # No piece of a rule is much darker than most of it: a darker piece is a stroke along the rule.
    most = 1.5 * np.median(peak)
    profile, peak = np.minimum(profile, most), np.minimum(peak, most)
    ruled = profile > np.maximum(0.3 * peak, 1)
    ruled[: middle - reach] = ruled[middle + reach + 1 :] = False
    ruled = cv2.dilate(ruled.astype(np.uint8), np.ones((3, 1), np.uint8)) > 0
    plain = ruled & (band < 1.5 * cv2.dilate(profile, np.ones((5, 1), np.uint8)) + 12)
    left = np.where(plain, 0, band).astype(np.uint8)
    return np.where(plain, np.minimum(_bridged(left, int(ruled.sum(axis=0).max())), band), left)


def _along(band: Map) -> NDArray[np.float32]:
    """How dark each row of a band is around each column: the median of a piece that is mostly without ink."""
    step = 24
    width = band.shape[1]
    pieces = max(1, width // step)
    edges = np.linspace(0, width, pieces + 1).astype(int)
    medians = np.empty((len(band), pieces))
    lengths = np.diff(edges)
    for length in np.unique(lengths):  # two lengths at most: all pieces of one length at once
        chosen = np.flatnonzero(lengths == length)
        medians[:, chosen] = np.median(band[:, edges[chosen, None] + np.arange(length)], axis=2)
    wide = np.pad(medians, ((0, 0), (3, 3)), mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(wide, 7, axis=1), axis=2).astype(np.float32)
    centres = (edges[:-1] + edges[1:]) / 2
    return np.stack([np.interp(np.arange(width), centres, row) for row in smooth]).astype(np.float32)


def _bridged(band: Map, gap: int) -> Map:
    """A band with its strokes continued across a gap of this many rows, straight or slanted."""
    length = gap + 3
    bridged = band
    for lean in (-1.0, -0.5, 0.0, 0.5, 1.0):
        line = np.zeros((length, 2 * length + 1), np.uint8)
        rows = np.arange(length)
        line[rows, np.rint(length + lean * (rows - length / 2)).astype(int)] = 1
        bridged = np.maximum(bridged, cv2.morphologyEx(band, cv2.MORPH_CLOSE, line))
    return bridged
