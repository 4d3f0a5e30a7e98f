"""Digit images -> pairs of rows that show the same picture."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging import IMAGE_SIZE

Pairs = NDArray[np.int64]

MIN_COSINE = 0.99  # of two pictures' pixels, to be near duplicates; MNIST's most similar different ones reach 0.988
CELL_SIZE = 4  # pixels; the first comparison is of sums over cells of this size
CHUNK_ROWS = 2000  # rows that are compared with all later ones at once


class Duplicates(NamedTuple):
    """Pairs of rows that show the same picture.

    Attributes:
        exact: (P, 2) int64, the smaller row number first: equal in every pixel.
        near: (P, 2) int64, the smaller row number first: nearly the same.
    """

    exact: Pairs
    near: Pairs


def find_duplicates(images: NDArray[np.uint8]) -> Duplicates:
    """Find rows of (N, 28, 28) uint8 that show the same picture.

    Near duplicates differ by contrast, a little noise, JPEG compression or a shift by whole pixels. Of several equal
    rows each is paired with the first. Blank pictures are ignored.
    """
    not_blank = np.flatnonzero(images.any(axis=(1, 2)))
    _, first, group = np.unique(
        images[not_blank].reshape(-1, IMAGE_SIZE**2), axis=0, return_index=True, return_inverse=True
    )
    first, group = not_blank[first], group.ravel()
    again = first[group] != not_blank
    exact = np.stack([first[group][again], not_blank[again]], axis=1)
    different = np.sort(first)
    pictures = images[different].astype(np.float32)
    pairs = np.concatenate([_similar_pairs(pictures), _similar_pairs(_centre(pictures))])
    return Duplicates(exact, different[np.unique(pairs, axis=0)])


def _similar_pairs(pictures: NDArray[np.float32]) -> Pairs:
    """Pairs of pictures whose cosine is at least MIN_COSINE, in two steps: coarse pictures first, then all pixels."""
    count, cells = len(pictures), IMAGE_SIZE // CELL_SIZE
    fine = _normalise(pictures)
    coarse = _normalise(pictures.reshape(count, cells, CELL_SIZE, cells, CELL_SIZE).sum(axis=(2, 4)))
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, count, CHUNK_ROWS):
        one, other = np.nonzero(coarse[start : start + CHUNK_ROWS] @ coarse[start:].T >= MIN_COSINE)
        one, other = one[other > one] + start, other[other > one] + start
        for part in range(0, len(one), 100 * CHUNK_ROWS):  # bounds the memory
            some = slice(part, part + 100 * CHUNK_ROWS)
            alike = np.einsum("ij,ij->i", fine[one[some]], fine[other[some]]) >= MIN_COSINE
            found.append(np.stack([one[some][alike], other[some][alike]], axis=1))
    return np.concatenate(found)


def _normalise(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each picture as a vector of length 1."""
    flat = pictures.reshape(len(pictures), math.prod(pictures.shape[1:]))
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def _centre(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move each picture by whole pixels until its centre of mass is nearest the middle."""
    axis = np.arange(IMAGE_SIZE, dtype=np.float32)
    mass = pictures.sum(axis=(1, 2))
    down = np.floor(IMAGE_SIZE / 2 - pictures.sum(axis=2) @ axis / mass).astype(np.int64)
    right = np.floor(IMAGE_SIZE / 2 - pictures.sum(axis=1) @ axis / mass).astype(np.int64)
    rows = (np.arange(IMAGE_SIZE)[None, :] - down[:, None]) % IMAGE_SIZE
    columns = (np.arange(IMAGE_SIZE)[None, :] - right[:, None]) % IMAGE_SIZE
    return pictures[np.arange(len(pictures))[:, None, None], rows[:, :, None], columns[:, None, :]]
