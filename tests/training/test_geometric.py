"""What augmentation may do to a digit, and what not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.training.augment.geometric import augment
from inkdigit.training.config import Settings

STILL = Settings(rotation=0, shift=0, zoom=0, shear=0, elastic=0)
ANY = np.zeros(400, np.int64)  # digits, where only their styles would depend on them


def centre(images: np.ndarray) -> np.ndarray:
    """Centre of mass of each image, (N, 2): y, x."""
    mass = images.astype(float) / images.sum((1, 2), keepdims=True)
    axis = np.arange(28)
    return np.stack([mass.sum(2) @ axis, mass.sum(1) @ axis], 1)


def test_no_strength_changes_nothing(real_digits: Dataset, rng: np.random.Generator) -> None:
    images = real_digits.images[:1500]
    assert np.array_equal(augment(images, real_digits.required_labels[:1500], STILL, rng), images)


def test_real_ink_and_other_styles_change_their_share_and_leave_the_rest(
    real_digits: Dataset, rng: np.random.Generator
) -> None:
    images, digits = real_digits.images[:1500], real_digits.required_labels[:1500]
    before = images.copy()
    for settings in (replace(STILL, real_ink=0.3), replace(STILL, other_styles=0.3)):
        changed = (augment(images, digits, settings, rng) != images).any((1, 2)).mean()
        assert 0.25 < changed < 0.35
    assert np.array_equal(images, before)


def test_the_same_random_numbers_give_the_same_images(real_digits: Dataset) -> None:
    images, digits = real_digits.images[:50], real_digits.required_labels[:50]
    settings = Settings(real_ink=0.5, other_styles=0.2)
    once, again, other = (augment(images, digits, settings, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_a_digit_stays_itself_whatever_its_neighbours(real_digits: Dataset) -> None:
    digit = real_digits.images[:1]
    dark, bright = np.zeros((1, 28, 28), np.uint8), np.full((1, 28, 28), 255, np.uint8)
    alone = augment(np.concatenate([dark, digit, dark]), ANY[:3], Settings(), np.random.default_rng(3))[1]
    crowded = augment(np.concatenate([bright, digit, bright]), ANY[:3], Settings(), np.random.default_rng(3))[1]
    assert np.array_equal(alone, crowded)


def test_shift_moves_the_centre_by_at_most_its_strength(real_digits: Dataset, rng: np.random.Generator) -> None:
    images = real_digits.images[:300]
    moved = centre(augment(images, ANY[:300], replace(STILL, shift=2), rng)) - centre(images)
    assert np.abs(moved).max() < 2.1
    assert np.abs(moved).max() > 1.5


def test_rotation_turns_both_ways_about_the_middle(rng: np.random.Generator) -> None:
    bar = np.zeros((400, 28, 28), np.uint8)
    bar[:, 13:15, 4:24] = 255
    turned = augment(bar, ANY, replace(STILL, rotation=12), rng)
    rise = centre(turned * (np.arange(28) > 16))[:, 0] - centre(turned * (np.arange(28) < 11))[:, 0]
    slope = np.degrees(np.arctan2(rise, 13))
    assert slope.max() > 9
    assert slope.min() < -9
    assert np.abs(slope).max() < 14


def test_zoom_keeps_the_size_within_its_strength(real_digits: Dataset, rng: np.random.Generator) -> None:
    square = np.zeros((300, 28, 28), np.uint8)
    square[:, 8:20, 8:20] = 255
    area = augment(square, ANY[:300], replace(STILL, zoom=0.12), rng).sum((1, 2)) / square[0].sum()
    assert area.min() > np.exp(-0.26)
    assert area.max() < np.exp(0.26)
    assert area.max() / area.min() > 1.3
