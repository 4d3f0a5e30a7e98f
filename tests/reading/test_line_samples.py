"""Strips for training: the same from the same seed, with the ink of each digit in its box."""

from __future__ import annotations

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.reading.line_model.samples import LabelledStrip, synthesize_strip, windows
from inkdigit.synth.page import synthesize_page


def _assert_inked(strips: list[LabelledStrip]) -> None:
    boxes = [(strip.image, box) for strip in strips for box in strip.boxes]
    assert len(boxes) > 50
    inked = [
        image[int(top) : int(bottom) + 1, max(int(left), 0) : int(right) + 1].max()
        for image, (left, top, right, bottom) in boxes
    ]
    assert np.quantile(inked, 0.05) > 60


def test_strips_are_the_same_from_the_same_seed(real_digits: Dataset) -> None:
    one, other = (synthesize_strip(real_digits, 224, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.image, other.image)
    assert (one.labels, one.boxes) == (other.labels, other.boxes)


def test_each_digit_of_a_strip_has_its_ink_in_its_box(real_digits: Dataset) -> None:
    rng = np.random.default_rng(0)
    _assert_inked([synthesize_strip(real_digits, 224, rng) for _ in range(30)])


def test_strips_found_on_pages_have_the_digits_of_the_page(real_digits: Dataset) -> None:
    rng = np.random.default_rng(1)
    found: list[LabelledStrip] = []
    written = 0
    for _ in range(6):
        page = synthesize_page(real_digits.images, real_digits.required_labels, ["thin-pen"], rng)
        found += windows(page, 2000, rng)
        written += len(page.text.replace("\n", ""))
    _assert_inked(found)
    assert sum(len(strip.labels) for strip in found) == pytest.approx(written, rel=0.05)
