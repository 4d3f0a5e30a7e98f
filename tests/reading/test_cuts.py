"""Digits in strips, found by cutting: real digits, apart, touching, and among signs."""

from __future__ import annotations

import numpy as np
import pytest

from inkdigit.data.digits import Digits
from inkdigit.reading.cuts import read_strips
from inkdigit.recognizer import Recognizer


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load()


def strip(digits: Digits, rows: list[int], gap: int) -> np.ndarray:
    """Digits side by side, so many pixels between their boxes."""
    image = np.zeros((48, 40 * len(rows) + 20), np.uint8)
    x = 10
    for row in rows:
        columns = np.flatnonzero(digits.images[row].any(axis=0))
        part = digits.images[row][:, columns[0] : columns[-1] + 1]
        place = image[10:38, x : x + part.shape[1]]
        np.maximum(place, part, out=place)
        x += part.shape[1] + gap
    return image[:, : x + 10]


def test_digits_apart_are_read_and_boxed(real_digits: Digits, recognizer: Recognizer):
    rows = [list(range(start, start + 5)) for start in range(0, 100, 5)]
    images = [strip(real_digits, few, 6) for few in rows]
    right = 0
    for few, found, image in zip(rows, read_strips(images, recognizer), images, strict=True):
        right += [int(digit.probabilities.argmax()) for digit in found] == [int(real_digits.truth[row]) for row in few]
        for digit in found:
            assert image[digit.top : digit.bottom, digit.left : digit.right].any()
    assert right >= 15


def test_touching_digits_are_cut(real_digits: Digits, recognizer: Recognizer):
    rows = [list(range(start, start + 2)) for start in range(0, 80, 2)]
    found = read_strips([strip(real_digits, few, -1) for few in rows], recognizer)
    right = sum(
        [int(digit.probabilities.argmax()) for digit in digits] == [int(real_digits.truth[row]) for row in few]
        for few, digits in zip(rows, found, strict=True)
    )
    assert right >= 20


def test_points_and_an_empty_strip_are_no_digits(real_digits: Digits, recognizer: Recognizer):
    image = np.pad(strip(real_digits, [3], 0), ((0, 0), (0, 40)))
    image[32:38, -30:-24] = 255
    first, second = read_strips([image, np.zeros((48, 30), np.uint8)], recognizer)
    assert [int(digit.probabilities.argmax()) for digit in first] == [int(real_digits.truth[3])]
    assert second == []
