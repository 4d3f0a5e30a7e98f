"""A page full of print: which of its signs are left to be read."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.page.deskew import Strip
from inkdigit.imaging.page.ink_map import find_ink
from inkdigit.imaging.page.lines import Lines, find_lines, no_check


def full_page(rows: int) -> NDArray[np.uint8]:
    """Rows of 60 equal letters."""
    page = np.full((rows * 40 + 80, 1600), 255, np.uint8)
    for row in range(rows):
        for column in range(60):
            place = 40 + 25 * column, 70 + 40 * row
            cv2.putText(page, "a", place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 0, 2, cv2.LINE_AA)
    return page


def lines_of(page: NDArray[np.uint8], digits_on_each: int) -> Lines:
    def count_digits(strips: Sequence[Strip]) -> list[int]:
        return [digits_on_each] * len(strips)

    return find_lines(find_ink(Image.fromarray(page)), "page", no_check, count_digits)


def test_repeated_signs_are_one_rejected_region_for_each_line() -> None:
    found = lines_of(full_page(30), digits_on_each=0)
    assert not found.strips
    assert [region.reason for region in found.rejected] == ["print"] * 30


def test_repeated_digits_are_read() -> None:
    assert len(lines_of(full_page(30), digits_on_each=8).strips) == 30


def test_a_page_that_is_not_full_is_read_as_a_whole() -> None:
    assert len(lines_of(full_page(20), digits_on_each=0).strips) == 20


def test_a_sign_that_is_not_repeated_is_read_with_its_neighbours() -> None:
    page = full_page(30)
    page[40 + 400 : 76 + 400, 40 + 25 * 30 : 64 + 25 * 30] = 255
    cv2.putText(page, "5", (40 + 25 * 30, 72 + 400), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 3, cv2.LINE_AA)
    (strip,) = lines_of(page, digits_on_each=0).strips
    left, _, width, _ = strip.box(0, 0, strip.image.shape[1], strip.image.shape[0])
    assert left < 40 + 25 * 30 < left + width
    assert width < 250
