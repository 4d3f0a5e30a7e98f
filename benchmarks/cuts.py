"""A strip of ink -> digits, the classical way: over-segmentation; the recognizer chooses what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.normalize import normalize
from inkdigit.recognizer import Recognizer

Map = NDArray[np.uint8]

_MIN_INK = 48  # of 255: less is a stroke's soft edge, which joins neighbours
_DIGIT_HEIGHT = 28  # pixels of a typical digit's height in a strip
_MIN_SIZE = 5  # pixels: a smaller piece is not a digit, nor part of one
_MIN_HEIGHT = 0.45  # of the tall digits' height: what is less tall is not a digit by itself
_MIN_PAIR_WIDTH, _MAX_WIDTH = 14, 40  # pixels: from the first on a piece may be two digits; above the second it is none
_MAX_PIECES = 4  # of a digit
_MIN_CUT_DISTANCE = 4  # pixels between cuts
_MAX_GAP = 6  # pixels of paper within a digit
# Costs, in units of the logarithm of a probability.
_CUT_COST = 0.8  # of a cut through ink
_DIGIT_COST = 0.45  # of each digit
_WIDTH_COST = 1.5  # of each digit height that a digit is too wide
_SKIP_COST = 2.1  # of leaving out a piece that may be a digit


@dataclass(frozen=True)
class Found:
    """A digit in a strip: its box, right and bottom not included, and the probabilities of 0 to 9, (10,)."""

    left: int
    top: int
    right: int
    bottom: int
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class _Piece:
    """Ink between two cuts: the place of its mask, and the mask. cut: whether the cut before it goes through ink."""

    left: int
    top: int
    mask: NDArray[np.bool_]
    cut: bool

    @property
    def right(self) -> int:
        return self.left + self.mask.shape[1]

    @property
    def bottom(self) -> int:
        return self.top + self.mask.shape[0]


@dataclass(frozen=True)
class _Candidate:
    """Pieces from `first` up to, not including, `stop`, taken as one digit, and the cost of its shape."""

    first: int
    stop: int
    box: tuple[int, int, int, int]  # left, top, right, bottom
    digit: Map
    cost: float


def read_strips(images: Sequence[Map], recognizer: Recognizer) -> list[list[Found]]:
    """Strips (48, W) uint8 -> the digits of each, from left to right. All candidates go to the recognizer at once."""
    pieces = [_pieces(image) for image in images]
    candidates = [_candidates(image, parts) for image, parts in zip(images, pieces, strict=True)]
    every = [candidate.digit for group in candidates for candidate in group]
    if not every:
        return [[] for _ in images]
    answers = recognizer.predict_proba(np.stack([normalize(digit) for digit in every]))
    found: list[list[Found]] = []
    start = 0
    for parts, group in zip(pieces, candidates, strict=True):
        found.append(_best(len(parts), group, answers[start : start + len(group)]))
        start += len(group)
    return found


def _pieces(image: Map) -> list[_Piece]:
    """The strip's ink from left to right, cut wherever two digits may touch."""
    number, labels, stats, _ = cv2.connectedComponentsWithStats((image > _MIN_INK).view(np.uint8), connectivity=8)
    pieces: list[_Piece] = []
    for k in range(1, number):
        left, top, width, height = (int(value) for value in stats[k, :4])
        if max(width, height) < _MIN_SIZE:
            continue
        mask = labels[top : top + height, left : left + width] == k
        ends = [0, *_cuts(image[top : top + height, left : left + width] * mask), width]
        for before, after in pairwise(ends):
            part = mask[:, before:after]
            rows = np.flatnonzero(part.any(axis=1))
            if rows.size:
                pieces.append(_Piece(left + before, top + int(rows[0]), part[rows[0] : rows[-1] + 1], before > 0))
    return sorted(pieces, key=lambda piece: piece.left + piece.right)


def _cuts(part: Map) -> list[int]:
    """The columns at which a component may be cut: those with little ink."""
    height, width = part.shape
    if width < _MIN_PAIR_WIDTH or height < _MIN_SIZE:
        return []
    ink = part.sum(axis=0, dtype=np.float64) / 255
    smooth = np.convolve(np.pad(ink, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    chosen: list[int] = []
    for column in np.argsort(smooth, kind="stable"):
        if not 4 <= column <= width - 4 or smooth[column] > 0.35 * height:
            continue
        if smooth[column] > smooth[max(0, column - 2) : column + 3].min() + 1e-9:
            continue
        if all(abs(column - other) >= _MIN_CUT_DISTANCE for other in chosen):
            chosen.append(int(column))
    return sorted(chosen)


def _candidates(image: Map, pieces: list[_Piece]) -> list[_Candidate]:
    tall = _tall(pieces)
    found: list[_Candidate] = []
    for first in range(len(pieces)):
        for stop in range(first + 1, min(first + _MAX_PIECES, len(pieces)) + 1):
            group = pieces[first:stop]
            left, right = min(piece.left for piece in group), max(piece.right for piece in group)
            top, bottom = min(piece.top for piece in group), max(piece.bottom for piece in group)
            if right - left > max(_MAX_WIDTH, 1.3 * tall) and stop > first + 1:
                continue
            gaps = [after.left - before.right for before, after in pairwise(group)]
            if gaps and max(gaps) > _MAX_GAP:
                break
            if bottom - top < _MIN_HEIGHT * tall:
                continue
            digit = np.zeros((bottom - top, right - left), np.uint8)
            for piece in group:
                rows = slice(piece.top - top, piece.bottom - top)
                columns = slice(piece.left - left, piece.right - left)
                ink = image[piece.top : piece.bottom, piece.left : piece.right]
                digit[rows, columns] = np.maximum(digit[rows, columns], ink * piece.mask)
            width = (right - left) / max(bottom - top, 0.7 * tall)
            cuts = group[0].cut + (stop < len(pieces) and pieces[stop].cut)
            cost = (
                _DIGIT_COST
                + _CUT_COST * cuts / 2
                + _WIDTH_COST * max(0.0, width - 0.57)
                + 0.24 * sum(max(gap, 0) for gap in gaps)
            )
            found.append(_Candidate(first, stop, (left, top, right, bottom), digit, cost))
    return found


def _tall(pieces: list[_Piece]) -> float:
    """How tall the digits are: about _DIGIT_HEIGHT, or less if one of the strip is much taller."""
    return (
        max(0.6 * _DIGIT_HEIGHT, *np.quantile([piece.mask.shape[0] for piece in pieces], [0.75]))
        if pieces
        else _DIGIT_HEIGHT
    )


def _best(number: int, candidates: list[_Candidate], answers: NDArray[np.float32]) -> list[Found]:
    """The most probable choice of candidates, each piece in one or left out: by dynamic programming."""
    ending: list[list[tuple[int, float]]] = [[] for _ in range(number + 1)]
    for index, (candidate, answer) in enumerate(zip(candidates, answers, strict=True)):
        pieces = candidate.stop - candidate.first
        sure = -float(np.log(max(float(answer.max()), 1e-4))) * (1 + 0.5 * (pieces - 1))
        ending[candidate.stop].append((index, sure + candidate.cost))
    alone = {candidate.first for candidate in candidates if candidate.stop == candidate.first + 1}
    cost, choice = [0.0], [-1]
    for stop in range(1, number + 1):
        # A piece that no candidate is made of alone is small: it is a sign, or dirt.
        best, chosen = cost[stop - 1] + (_SKIP_COST if stop - 1 in alone else 0.24), -1
        for index, price in ending[stop]:
            if cost[candidates[index].first] + price < best:
                best, chosen = cost[candidates[index].first] + price, index
        cost.append(best)
        choice.append(chosen)
    found: list[Found] = []
    stop = number
    while stop:
        if choice[stop] < 0:
            stop -= 1
            continue
        candidate = candidates[choice[stop]]
        found.append(Found(*candidate.box, answers[choice[stop]]))
        stop = candidate.first
    return found[::-1]
