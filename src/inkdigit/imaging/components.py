"""Connected components of a mask, found by its rows' runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Components:
    """The K components of 8-connected pixels of a mask (H, W), and the runs that they are made of, in reading order.

    top, bottom, left, right: (K,), the boxes, their ends not included. length, component: (N,), of each run.
    """

    whole: NDArray[np.bool_]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    length: NDArray[np.int64]
    component: NDArray[np.int64]

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How many pixels of each component are in another mask, (K,)."""
        first = self.length.cumsum() - self.length
        in_run = np.add.reduceat(mask[self.whole], first, dtype=np.int64)
        return np.bincount(self.component, in_run, len(self.top))

    def only(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask (H, W) of the components for which `kept`, (K,), is true."""
        mask = self.whole.copy()
        mask[self.whole] = np.repeat(kept[self.component], self.length)
        return mask


def components(mask: NDArray[np.bool_]) -> Components:
    """The components of a mask (H, W) in which something is true."""
    height, width = mask.shape
    wide = width + 1  # an empty column parts the rows
    padded = np.zeros((height, wide), bool)
    padded[:, :-1] = mask
    edges = np.flatnonzero(np.diff(padded.ravel(), prepend=False))
    start, stop = edges[::2], edges[1::2]
    # The runs of the next row that touch a run follow each other.
    first = np.searchsorted(stop, start + wide, "left")
    touching = np.searchsorted(start, stop + wide, "right") - first
    above = np.repeat(np.arange(len(start)), touching)
    below = np.arange(len(above)) + np.repeat(first + touching - touching.cumsum(), touching)
    _, component = np.unique(_joined(len(start), above, below), return_inverse=True)
    row, left = np.divmod(start, wide)
    right = left + stop - start
    boxes = np.full((4, int(component.max()) + 1), height + width)
    for box, side in zip(boxes, (row, -row - 1, left, -right), strict=True):
        np.minimum.at(box, component, side)
    return Components(mask, boxes[0], -boxes[1], boxes[2], -boxes[3], stop - start, component)


def _joined(number: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """A representative for each of `number` things, the same for those that pairs of them join."""
    parent = np.arange(number)
    while True:
        lowest = np.minimum(parent[one], parent[other])
        if np.array_equal(parent[one], parent[other]):
            return parent
        np.minimum.at(parent, parent[one], lowest)
        np.minimum.at(parent, parent[other], lowest)
        while not np.array_equal(parent[parent], parent):
            parent = parent[parent]
