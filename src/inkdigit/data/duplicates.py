"""The same picture twice: within a set of digits, or in two of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]

ALIKE = 0.99  # cosine of two pictures' pixels; MNIST's most similar ones by different strokes reach 0.988
COARSE = 4  # pixels a side that are summed for the first, quick look
CHUNK = 2000


class Duplicates(NamedTuple):
    """Pairs of rows, each (P, 2) int64 with the smaller first: equal in every pixel, or nearly the same."""

    exact: Pairs
    near: Pairs


def find_duplicates(images: NDArray[np.uint8]) -> Duplicates:
    """Rows of (N, 28, 28) uint8 that show the same picture.

    Near duplicates are what remains the same after another contrast, a little noise, a JPEG or a shift by whole pixels.
    Of several equal rows each is paired with the first. Blank pictures are left out.
    """
    inked = np.flatnonzero(images.any(axis=(1, 2)))
    _, first, group = np.unique(images[inked].reshape(-1, 28 * 28), axis=0, return_index=True, return_inverse=True)
    first, group = inked[first], group.ravel()
    again = first[group] != inked
    exact = np.stack([first[group][again], inked[again]], axis=1)
    different = np.sort(first)
    flat = images[different].astype(np.float32)
    pairs = np.concatenate([_alike(flat), _alike(_centred(flat))])
    return Duplicates(exact, different[np.unique(pairs, axis=0)])


def _alike(pictures: NDArray[np.float32]) -> Pairs:
    """Pairs whose pixels point in nearly the same direction, found by a look at coarse pictures first."""
    count, side = len(pictures), 28 // COARSE
    fine = _directions(pictures)
    coarse = _directions(pictures.reshape(count, side, COARSE, side, COARSE).sum(axis=(2, 4)))
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, count, CHUNK):
        one, other = np.nonzero(coarse[start : start + CHUNK] @ coarse[start:].T >= ALIKE)
        one, other = one[other > one] + start, other[other > one] + start
        for part in range(0, len(one), 100 * CHUNK):  # bounds the memory
            some = slice(part, part + 100 * CHUNK)
            alike = np.einsum("ij,ij->i", fine[one[some]], fine[other[some]]) >= ALIKE
            found.append(np.stack([one[some][alike], other[some][alike]], axis=1))
    return np.concatenate(found)


def _directions(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = pictures.reshape(len(pictures), math.prod(pictures.shape[1:]))
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def _centred(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each picture moved by whole pixels until its centre of mass is nearest the middle."""
    axis = np.arange(28, dtype=np.float32)
    mass = pictures.sum(axis=(1, 2))
    down = np.floor(14 - pictures.sum(axis=2) @ axis / mass).astype(np.int64)
    right = np.floor(14 - pictures.sum(axis=1) @ axis / mass).astype(np.int64)
    rows = (np.arange(28)[None, :] - down[:, None]) % 28
    columns = (np.arange(28)[None, :] - right[:, None]) % 28
    return pictures[np.arange(len(pictures))[:, None, None], rows[:, :, None], columns[:, None, :]]
