"""Each thing that makes real pages hard to read, on pages of its own."""

from __future__ import annotations

import numpy as np
import pytest

from inkdigit import read
from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.metrics import edit_distance
from inkdigit.synth.hardships import HARDSHIPS
from inkdigit.synth.page import Page, synthesize_page

MAX_PAGES, ENOUGH_DIGITS = 2, 10  # a second page is read where the first has fewer digits
MAX_WRONG = 0.12  # of the digits: these pages have few


def synthesized(digits: Dataset, hardship: str, number: int) -> Page:
    rng = np.random.default_rng((7, HARDSHIPS.index(hardship), number))
    return synthesize_page(digits.images, digits.required_labels, [hardship], rng)


@pytest.mark.parametrize("hardship", HARDSHIPS)
def test_pages_are_read_in_spite_of(hardship: str, real_digits: Dataset) -> None:
    wrong = total = number = 0
    while total < ENOUGH_DIGITS and number < MAX_PAGES:
        page = synthesized(real_digits, hardship, number)
        found = read(page.picture).text.split("\n")  # where lines stand side by side, any may come first
        truth = page.text.split("\n")
        wrong += sum(min(edit_distance(line, other) for other in (*found, "")) for line in truth)
        total += len("".join(truth))
        number += 1
        assert total or not "".join(found)
    assert wrong <= MAX_WRONG * total


def test_boxes_are_where_the_digits_are(real_digits: Dataset) -> None:
    page = synthesized(real_digits, "sideways", 0)
    truth = sorted(digit.box for line in page.lines for digit in line)
    found = sorted(digit.box for line in read(page.picture).lines for digit in line.digits)
    assert len(found) == len(truth)
    for (x, y, width, height), (left, top, wide, high) in zip(found, truth, strict=True):
        size = max(wide, high)
        assert abs(x + width / 2 - left - wide / 2) < 0.4 * size
        assert abs(y + height / 2 - top - high / 2) < 0.4 * size
