"""Strips for training: the same from the same seed, with the ink of each digit in its box."""

from __future__ import annotations

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.reading.line_model.samples import LabelledStrip, synthesize_strip, windows
from inkdigit.reading.line_model.spec import BOX, BOX_UNIT, DIGITS
from inkdigit.reading.line_model.targets import targets
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
    for _ in range(4):
        page = synthesize_page(real_digits.images, real_digits.required_labels, ["thin-pen"], rng)
        found += windows(page, 2000, rng)
        written += len(page.text.replace("\n", ""))
    _assert_inked(found)
    assert sum(len(strip.labels) for strip in found) == pytest.approx(written, rel=0.05)


def test_the_targets_of_a_digits_middle_column_are_the_digit_and_its_box(real_digits: Dataset) -> None:
    strip = synthesize_strip(real_digits, 224, np.random.default_rng(3))
    wanted = targets(strip)
    for label, (left, top, right, bottom) in zip(strip.labels, strip.boxes, strict=True):
        column = round((left + right) / 4 - 0.5)
        near = wanted[max(column - 1, 0) : column + 2]
        best = near[near[:, 0].argmax()]
        middle = (max(column - 1, 0) + near[:, 0].argmax() + 0.5) * 2
        assert best[0] == 1
        if best[DIGITS].argmax() == label:  # or a neighbour's middle is as near
            sides = best[BOX] * BOX_UNIT
            assert (middle - sides[0], 24 - sides[1]) == pytest.approx((left, top), abs=2.1)
            assert (middle + sides[2], 24 + sides[3]) == pytest.approx((right, bottom), abs=2.1)
