"""Rules go, and the ink that crosses them stays."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.imaging.page.ink_map import find_ink
from inkdigit.imaging.page.ruling import without_rules
from tests.imaging.pages import Page


def parts(ink: NDArray[Any]) -> int:
    """How many components there are that are more than dirt."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((ink > 60).astype(np.uint8), connectivity=8)
    return int((stats[1:, 3] > 20).sum())


def ruled(page: Page, pitch: int, strength: float, *, slope: float = 0, down: bool = False, bend: float = 0) -> Page:
    rows, columns = np.mgrid[: page.ink.shape[0], : page.ink.shape[1]]
    bent = bend * np.sin(columns / columns.shape[1] * np.pi)
    lines = (np.abs((rows + slope * columns + bent) % pitch - pitch / 2) < 1.5).astype(np.float32)
    if down:
        lines = np.maximum(lines, (np.abs((columns - slope * rows) % pitch - pitch / 2) < 1.5).astype(np.float32))
    page.add(lines * strength)
    return page


@pytest.mark.parametrize("strength", [0.25, 0.6, 1])
@pytest.mark.parametrize("slope", [0, 0.03, -0.08])
def test_rules_are_removed_and_digits_stay(strength: float, slope: float):
    page = Page.empty(900, 600)
    page.write("07077", 150, 110, 80)
    page.write("70700", 150, 310, 80)
    assert parts(find_ink(ruled(page, 60, strength, slope=slope).picture()).ink) == 10


def test_squares_and_bent_rules_are_removed(rng: np.random.Generator):
    for down, bend in ((True, 0), (False, 12)):
        page = Page.empty(1000, 700)
        page.write("0707", 150, 110, 80)
        page.write("7707", 150, 410, 80)
        picture = ruled(page, 36, 0.4, slope=0.02, down=down, bend=bend).picture(rng, noise=3)
        assert parts(find_ink(picture).ink) == 8


def test_the_bars_of_sevens_are_not_rules(rng: np.random.Generator):
    page = Page.empty(400, 150)
    page.write("17771", 30, 20, 110, step=0.62)
    dark = (page.ink * 150).astype(np.uint8)
    np.testing.assert_array_equal(without_rules(dark), dark)
    assert parts(find_ink(page.picture(rng, noise=3)).ink) == 5


def test_a_strip_too_small_for_rules():
    dark = np.full((9, 200), 90, np.uint8)
    np.testing.assert_array_equal(without_rules(dark), dark)
