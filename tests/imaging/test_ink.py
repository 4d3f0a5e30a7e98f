"""Which level parts ink from paper, and which of the two is the light one."""

from __future__ import annotations

import numpy as np
import pytest

from inkdigit.imaging.ink import has_light_paper, threshold


def test_the_threshold_parts_two_groups(ink: np.random.Generator):
    paper, stroke = ink.normal(60, 8, 900), ink.normal(180, 12, 100)
    grey = np.concatenate([paper, stroke]).astype(np.uint8).reshape(20, 50)
    assert 90 < threshold(grey) < 150


def test_the_threshold_is_otsus(ink: np.random.Generator):
    grey = ink.integers(0, 256, (40, 40), np.uint8)

    def within(level: int) -> float:
        parts = grey[grey <= level], grey[grey > level]
        return sum(part.size * part.var() for part in parts if part.size)

    assert within(threshold(grey)) == min(within(level) for level in range(256))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_level_has_a_threshold(value: int):
    assert threshold(np.full((9, 9), value, np.uint8)) in range(256)


def test_paper_is_what_border_and_most_of_the_picture_show():
    picture = np.full((20, 20), 30, np.uint8)
    picture[4:16, 8:12] = 220
    assert has_light_paper(picture) is False
    assert has_light_paper(~picture) is True


def test_a_digit_that_fills_the_border_is_left_open():
    ring = np.full((20, 20), 220, np.uint8)
    ring[2:-2, 2:-2] = 30
    assert has_light_paper(ring) is None
    assert has_light_paper(~ring) is None
    half = np.repeat(np.array([[30, 220]], np.uint8), 10, axis=1).repeat(20, axis=0)
    assert has_light_paper(half) is None
