"""Pairs of near boxes: all of them, and not many more."""

from __future__ import annotations

import tracemalloc

import numpy as np

from inkdigit.imaging.page.neighbours import near_pairs


def test_all_near_pairs_are_found(rng: np.random.Generator):
    left, top = rng.integers(0, 400, 150), rng.integers(0, 300, 150)
    reach = rng.integers(0, 60, 150)
    found = {(i, j) for one, other in near_pairs(left, top, reach, 25) for i, j in zip(one, other, strict=True)}
    beside = left - left[:, None]
    near = (beside >= 0) & (beside <= reach[:, None])
    apart = np.abs(top - top[:, None])
    assert set(map(tuple, np.argwhere(near & (apart < 25)))) <= found
    assert found <= set(map(tuple, np.argwhere(near & (apart < 50))))


def test_a_page_of_dots_needs_memory_for_its_near_pairs_only():
    left, top = (place.ravel() for place in np.meshgrid(np.arange(160) * 16, np.arange(160) * 16))
    tracemalloc.start()
    count = sum(len(one) for one, _ in near_pairs(left, top, np.full(left.size, 130), 12))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 7 * left.size < count < 28 * left.size
    assert peak < 100_000_000  # a matrix of all 25,600 x 25,600 pairs takes 655 million bytes as booleans
