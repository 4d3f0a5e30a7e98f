"""A mask -> its connected components, found from the runs of its rows. Needs no OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Components:
    """The K components of 8-connected pixels of a mask (H, W), and the N runs that they consist of, in reading order.

    Attributes:
        whole: (H, W), the mask.
        top: (K,), each component's first row.
        bottom: (K,), one more than its last row.
        left: (K,), its first column.
        right: (K,), one more than its last column.
        length: (N,), the pixels of each run.
        component: (N,), the number of the component that each run belongs to.
    """

    whole: NDArray[np.bool_]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    length: NDArray[np.int64]
    component: NDArray[np.int64]

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Another mask (H, W) -> how many pixels of each component are in it, (K,)."""
        first = self.length.cumsum() - self.length
        in_run = np.add.reduceat(mask[self.whole], first, dtype=np.int64)
        return np.bincount(self.component, in_run, len(self.top)).astype(np.int64)

    def box(self, kept: NDArray[np.bool_]) -> tuple[int, int, int, int]:
        """The box around the components for which `kept`, (K,), is true: top, bottom, left, right."""
        ends = self.top[kept].min(), self.bottom[kept].max(), self.left[kept].min(), self.right[kept].max()
        return int(ends[0]), int(ends[1]), int(ends[2]), int(ends[3])

    def only(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask (H, W) of the components for which `kept`, (K,), is true."""
        mask = self.whole.copy()
        mask[self.whole] = np.repeat(kept[self.component], self.length)
        return mask


def find_components(mask: NDArray[np.bool_]) -> Components:
    """A mask (H, W) in which at least one pixel is true -> its connected components."""
    height, width = mask.shape
    row_length = width + 1  # an empty column keeps the rows apart
    padded = np.zeros((height, row_length), bool)
    padded[:, :-1] = mask
    edges = np.flatnonzero(np.diff(padded.ravel(), prepend=False))
    start, stop = edges[::2], edges[1::2]
    # The runs of the next row that touch a run follow each other.
    first = np.searchsorted(stop, start + row_length, "left")
    touching = np.searchsorted(start, stop + row_length, "right") - first
    above = np.repeat(np.arange(len(start)), touching)
    below = np.arange(len(above)) + np.repeat(first + touching - touching.cumsum(), touching)
    _, component = np.unique(_joined(len(start), above, below), return_inverse=True)
    row, left = np.divmod(start, row_length)
    right = left + stop - start
    boxes = np.full((4, int(component.max()) + 1), height + width)
    for box, side in zip(boxes, (row, -row - 1, left, -right), strict=True):
        np.minimum.at(box, component, side)
    return Components(mask, boxes[0], -boxes[1], boxes[2], -boxes[3], stop - start, component)


def _joined(count: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """A representative for each of `count` things, (count,); things that the pairs `one`, `other` join share it."""
    parent = np.arange(count)
    while True:
        lowest = np.minimum(parent[one], parent[other])
        if np.array_equal(parent[one], parent[other]):
            return parent
        np.minimum.at(parent, parent[one], lowest)
        np.minimum.at(parent, parent[other], lowest)
        while not np.array_equal(parent[parent], parent):
            parent = parent[parent]
