"""Which level parts ink from paper, and which of the two is the light one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inkdigit.imaging.binarize import binarize, light_share, otsu_threshold


def counts(grey: np.ndarray) -> np.ndarray:
    return np.bincount(grey.ravel(), minlength=256)


@pytest.mark.parametrize("strokes", [100, 1000, 10_000])
def test_the_threshold_parts_little_ink_from_much_paper(rng: np.random.Generator, strokes: int):
    paper, stroke = rng.normal(60, 5, 400_000), rng.normal(160, 8, strokes)
    grey = np.concatenate([paper, stroke]).clip(0, 255).astype(np.uint8)
    for values in (grey, 255 - grey):
        cut = otsu_threshold(counts(values))
        above = (values > cut) == (values[-1] > cut)
        assert above[-strokes:].mean() > 0.99
        assert above[:-strokes].mean() < 0.001


def test_for_parts_of_similar_size_the_threshold_is_otsus(rng: np.random.Generator):
    grey = rng.integers(0, 256, (40, 40), np.uint8)

    def within(level: int) -> float:
        parts = grey[grey <= level], grey[grey > level]
        return sum(part.size * part.var() for part in parts if part.size)

    assert within(otsu_threshold(counts(grey))) == pytest.approx(min(within(level) for level in range(256)))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_grey_level_has_no_ink(value: int):
    assert binarize(Image.new("L", (9, 9), value), "auto").thresholds is None


def test_the_thresholds_lie_between_paper_and_ink():
    picture = np.full((20, 20), 30, np.uint8)
    picture[4:16, 8:12] = 220
    for grey in (picture, ~picture):
        found = binarize(Image.fromarray(grey), "auto")
        np.testing.assert_array_equal(found.bright, picture)
        assert found.thresholds
        assert (found.thresholds.paper_level, found.thresholds.ink_level, found.thresholds.noise) == (30, 220, 0)
        assert 30 <= found.thresholds.edge < found.thresholds.ink < 220


def test_corners_and_border_show_the_paper():
    picture = np.zeros((20, 20), bool)
    picture[4:16, 8:12] = True
    assert light_share(picture) == 0
    assert light_share(~picture) == 1


def test_a_digit_that_fills_its_border_still_leaves_the_corners():
    ring = np.ones((20, 20), bool)
    ring[2:-2, 2:-2] = ring[[0, 0, -1, -1], [0, -1, 0, -1]] = False
    assert light_share(ring) < 0.5 < light_share(~ring)


def test_the_caller_may_say_which_side_is_paper():
    picture = np.full((20, 20), 220, np.uint8)
    picture[2:-2, 2:-2] = 30
    assert binarize(Image.fromarray(picture), "dark").light_share == 1
    assert binarize(Image.fromarray(picture), "bright").light_share == 0
