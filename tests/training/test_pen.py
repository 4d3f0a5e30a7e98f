"""Redrawn digits stay the digits they are, in MNIST's form, and differ as real ink does."""

from __future__ import annotations

import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from inkdigit.training.augment.pen import redraw


def box(images: np.ndarray) -> np.ndarray:
    """Height and width of the ink in each image, (N, 2)."""
    inked = images > 64
    return np.stack([np.ptp(np.flatnonzero(image.any(axis))) + 1 for image in inked for axis in (1, 0)]).reshape(-1, 2)


def test_redrawn_digits_keep_the_size_that_prepare_gives(real_digits: Dataset, rng: np.random.Generator) -> None:
    longest = box(redraw(real_digits.images[:250], rng)).max(axis=1)
    assert np.percentile(longest, 2) >= 17
    assert np.percentile(longest, 98) <= 22


def test_many_redrawn_ones_fill_their_box_and_others_stay_narrow(
    real_digits: Dataset, rng: np.random.Generator
) -> None:
    ones = real_digits.images[real_digits.required_labels == 1][:200]
    height, width = box(redraw(ones, rng)).T
    square = width > 0.7 * height
    assert np.mean(width[square.nonzero()] > 13) > 0.9
    assert 0.3 < square.mean() < 0.8


def test_strokes_become_thinner_and_broader(real_digits: Dataset, rng: np.random.Generator) -> None:
    images = np.repeat(real_digits.images[:1], 200, axis=0)
    amount = (redraw(images, rng) > 127).sum((1, 2)) / (images[0] > 127).sum()
    assert amount.min() < 0.75
    assert amount.max() > 1.5


def test_redrawn_digits_are_still_recognised(real_digits: Dataset, rng: np.random.Generator) -> None:
    digits = real_digits.required_labels[:400]
    assert (Recognizer.load().predict(redraw(real_digits.images[:400], rng)) == digits).mean() > 0.95


def test_images_without_ink_stay_as_they_are(rng: np.random.Generator) -> None:
    faint = np.full((3, 28, 28), 5, np.uint8)
    assert np.array_equal(redraw(faint, rng), faint)
    assert redraw(faint[:0], rng).shape == (0, 28, 28)
    dot = np.zeros((20, 28, 28), np.uint8)
    dot[:, 13, 13] = 255
    assert redraw(dot, rng).shape == dot.shape
