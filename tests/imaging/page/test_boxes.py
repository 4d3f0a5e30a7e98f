"""Printed boxes are found, what is only like them is not, and what is written in them stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from inkdigit.imaging.page.boxes import find_boxes
from inkdigit.imaging.page.ink_map import find_ink
from tests.imaging.page.test_ruling import parts, ruled
from tests.imaging.pages import Page

WIDE, TALL = 48, 56


def boxed(text: str, left: int, top: int, *, gap: int = 0, strength: float = 0.6) -> Page:
    """Digits, each in a box of its own."""
    page = Page.empty(700, 300)
    frames = np.zeros(page.ink.shape, np.uint8)
    for number, digit in enumerate(text):
        x = left + number * (WIDE + gap)
        cv2.rectangle(frames, (x, top), (x + WIDE, top + TALL), 255, 2)
        page.write(digit.strip(), x + 14, top + 10, 36)
    page.add(frames.astype(np.float32) / 255 * strength)
    return page


def dark(page: Page) -> np.ndarray:
    return (page.ink * 150).astype(np.uint8)


@pytest.mark.parametrize("gap", [0, 9])
@pytest.mark.parametrize("strength", [0.35, 1])
def test_boxes_are_removed_and_digits_stay(gap: int, strength: float, rng: np.random.Generator):
    page = boxed("07170", 60, 90, gap=gap, strength=strength)
    assert len(find_boxes(dark(page))) == 5
    assert parts(find_ink(page.picture(rng, noise=2)).ink) == 5


def test_corners_are_in_the_middle_of_the_frame():
    (corners,) = find_boxes(dark(boxed("7", 60, 90)))
    np.testing.assert_allclose(corners, [(60, 90), (60 + WIDE, 90), (60 + WIDE, 90 + TALL), (60, 90 + TALL)], atol=2)


def test_a_box_that_a_digit_hides_in_part_is_found():
    page = boxed("1717", 60, 90)
    page.ink[100:132, 50:80] = 1  # a broad stroke over the first box's side
    assert len(find_boxes(dark(page))) == 4
    page.ink[100:132, 250:275] = 1  # and over that of the last
    assert len(find_boxes(dark(page))) == 4


def test_empty_boxes_in_a_row_are_found_but_a_single_one_may_be_a_zero():
    assert len(find_boxes(dark(boxed("    ", 60, 90)))) == 4
    assert find_boxes(dark(boxed(" ", 60, 90))) == []


def test_zeros_and_loops_are_not_boxes(rng: np.random.Generator):
    page = Page.empty(700, 300)
    page.write("00000", 40, 60, 60)
    page.write("00000", 40, 160, 110)
    assert find_boxes(dark(page)) == []
    assert parts(find_ink(page.picture(rng, noise=2)).ink) == 10


def test_squares_of_squared_paper_are_left_to_the_rules(rng: np.random.Generator):
    page = Page.empty(1000, 700)
    page.write("0707", 150, 110, 80)
    assert parts(find_ink(ruled(page, 36, 0.4, down=True).picture(rng, noise=2)).ink) == 4


def test_empty_pictures_have_no_boxes():
    for shape in ((1, 1), (10, 400), (300, 400)):
        assert find_boxes(np.zeros(shape, np.uint8)) == []
    assert not find_ink(Image.new("L", (300, 300), 255)).ink.any()
