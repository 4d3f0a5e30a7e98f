"""Boxes on a page -> pairs of boxes that are near each other, in time that grows with their number, not its square."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_MAX_PAIRS = 1_000_000  # in memory at a time

Indices = NDArray[np.int64]


def near_pairs(left: Indices, top: Indices, reach: Indices, band: int) -> Iterator[tuple[Indices, Indices]]:
    """Boxes -> all pairs (one, other) whose tops differ by less than `band`, where other begins right of one's left.

    A page with a dot in every place has tens of thousands of boxes: a matrix of all pairs would need gigabytes.

    Args:
        left: (N,), each box's left side.
        top: (N,), its upper side.
        reach: (N,), from one's left side, how far to the right other's left side may be; both ends included.
        band: pixels.

    Yields:
        The numbers of the boxes of some pairs, (P,) each. A few pairs may have tops up to 2 * band apart; boxes with
        the same left side come in both orders, and each with itself.
    """
    row, start = top // band, left - left.min()
    row_length = int(start.max() + reach.max()) + 1
    key = row * row_length + start
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    for step in (-1, 0, 1):
        low = key + step * row_length
        first, last = np.searchsorted(ranked, low, "left"), np.searchsorted(ranked, low + reach, "right")
        count = last - first
        ends = count.cumsum()
        for block in np.split(np.arange(len(left)), np.flatnonzero(np.diff(ends // _MAX_PAIRS)) + 1):
            in_block = count[block]
            place = np.arange(in_block.sum()) - np.repeat(in_block.cumsum() - in_block, in_block)
            yield np.repeat(block, in_block), order[np.repeat(first[block], in_block) + place]
