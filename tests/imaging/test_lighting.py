"""Light is made even, and only where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inkdigit.imaging.binarize import binarize
from inkdigit.imaging.lighting import binarize_in_even_light, even_out


def drawing(paper: int, ink: int) -> np.ndarray:
    """A seven in the middle of a page."""
    page = np.full((240, 320), paper, float)
    page[60:80, 120:200] = page[60:180, 180:200] = ink
    return page


def slope(low: float) -> np.ndarray:
    return np.linspace(1, low, 320)[None, :] * np.linspace(1, 0.8, 240)[:, None]


def picture(values: np.ndarray, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, 2, values.shape)
    return Image.fromarray((values + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(("paper", "ink"), [(220, 150), (200, 40)])
def test_light_paper_becomes_even(paper: int, ink: int):
    even = np.asarray(even_out(picture(drawing(paper, ink) * slope(0.6))), float)
    blank = drawing(0, 1) == 0
    assert np.ptp(np.percentile(even[blank], [2, 98])) < 25
    assert even[blank].min() > even[~blank].max() - 20


def test_dark_paper_becomes_even():
    even = np.asarray(even_out(picture(drawing(30, 90) + 60 * slope(0.2))), float)
    blank = drawing(0, 1) == 0
    assert np.ptp(np.percentile(even[blank], [2, 98])) < 25
    assert even[~blank].mean() - even[blank].mean() > 40


def test_a_shadow_is_not_taken_for_ink():
    photo = picture(drawing(220, 150) * slope(0.5))
    stroke = drawing(0, 1) > 0
    found = binarize_in_even_light(photo, "auto")
    assert found.thresholds
    assert np.array_equal(found.bright > found.thresholds.ink, stroke)
    alone = binarize(photo, "auto")
    assert alone.thresholds
    assert np.count_nonzero((alone.bright > alone.thresholds.ink) != stroke) > 10_000


def test_a_drawing_is_left_as_it_is():
    clean = Image.fromarray(drawing(255, 0).astype(np.uint8))
    np.testing.assert_array_equal(binarize_in_even_light(clean, "auto").bright, ~np.asarray(clean))
