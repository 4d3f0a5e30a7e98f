"""The same picture twice, changed as files get changed."""

from __future__ import annotations

import cv2
import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.data.duplicates import find_duplicates


def test_copies_are_found_and_nothing_else(real_digits: Dataset, rng: np.random.Generator) -> None:
    originals = real_digits.images[:3000]
    noisy = np.clip(originals[:20] + rng.normal(0, 6, (20, 28, 28)), 0, 255).astype(np.uint8)
    fainter = (originals[20:40] * 0.7).astype(np.uint8)
    moved = np.roll(np.pad(originals[40:60, 2:, 1:], ((0, 0), (2, 0), (1, 0))), (-2, -1), axis=(1, 2))
    jpegs = [cv2.imdecode(cv2.imencode(".jpg", image, [1, 75])[1], 0) for image in originals[60:80]]
    copies = originals[80:100]
    found = find_duplicates(np.concatenate([originals, noisy, fainter, moved, np.array(jpegs), copies]))
    assert found.exact.tolist() == [[row, 3000 + row] for row in range(80, 100)]
    assert found.near.tolist() == [[row, 3000 + row] for row in range(80)]


def test_of_several_equal_pictures_each_is_paired_with_the_first(real_digits: Dataset) -> None:
    found = find_duplicates(real_digits.images[[5, 7, 5, 5]])
    assert found.exact.tolist() == [[0, 2], [0, 3]]
    assert len(found.near) == 0


def test_blank_pictures_and_empty_sets_are_no_duplicates() -> None:
    for count in (0, 3):
        found = find_duplicates(np.zeros((count, 28, 28), np.uint8))
        assert found.exact.shape == found.near.shape == (0, 2)
