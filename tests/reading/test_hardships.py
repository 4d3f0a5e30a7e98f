"""Each thing that makes real pages hard to read, on pages of its own."""

from __future__ import annotations

import numpy as np
import pytest

from inkdigit import read
from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.metrics import edit_distance
from inkdigit.synth.hardships import HARDSHIPS
from inkdigit.synth.page import Page, synthesize_page

PAGES = 2
WRONG = 0.12  # of the digits, at most: these pages have few


def pages(digits: Dataset, hardship: str) -> list[Page]:
    seeds = [(7, HARDSHIPS.index(hardship), number) for number in range(PAGES)]
    return [
        synthesize_page(digits.images, digits.required_labels, [hardship], np.random.default_rng(seed))
        for seed in seeds
    ]


@pytest.mark.parametrize("hardship", HARDSHIPS)
def test_pages_are_read_in_spite_of(hardship: str, real_digits: Dataset) -> None:
    wrong = total = 0
    for page in pages(real_digits, hardship):
        found = read(page.picture).text.split("\n")  # where lines stand side by side, any may come first
        truth = page.text.split("\n")
        wrong += sum(min(edit_distance(line, other) for other in (*found, "")) for line in truth)
        total += len("".join(truth))
        assert total or not "".join(found)
    assert wrong <= WRONG * total


def test_boxes_are_where_the_digits_are(real_digits: Dataset) -> None:
    (page, _) = pages(real_digits, "sideways")
    truth = sorted(digit.box for line in page.lines for digit in line)
    found = sorted(digit.box for line in read(page.picture).lines for digit in line.digits)
    assert len(found) == len(truth)
    for (x, y, width, height), (left, top, wide, high) in zip(found, truth, strict=True):
        size = max(wide, high)
        assert abs(x + width / 2 - left - wide / 2) < 0.4 * size
        assert abs(y + height / 2 - top - high / 2) < 0.4 * size
