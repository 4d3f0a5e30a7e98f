"""Digits drawn from strokes are in MNIST's form, never twice the same, and legible."""

from __future__ import annotations

import numpy as np

from inkdigit.imaging.normalize import has_mnist_form
from inkdigit.recognizer import Recognizer
from inkdigit.training.augment.rare_styles import STYLES, draw_digits, round_corners


def test_every_digit_is_drawn_in_mnists_form(rng: np.random.Generator) -> None:
    digits = np.repeat(np.arange(10), 20)
    drawn = draw_digits(digits, rng)
    assert (drawn.shape, drawn.dtype) == ((200, 28, 28), np.uint8)
    assert np.mean([has_mnist_form(image) for image in drawn]) > 0.95
    assert len(np.unique(drawn, axis=0)) == 200
    assert draw_digits(digits[:0], rng).shape == (0, 28, 28)


def test_the_shipped_model_recognises_them(rng: np.random.Generator) -> None:
    digits = np.repeat(np.arange(len(STYLES)), 40)
    assert (Recognizer.load().predict(draw_digits(digits, rng)) == digits).mean() > 0.95


def test_corners_are_rounded_but_ends_and_double_corners_stay() -> None:
    bent = round_corners(np.array([(0, 0), (1, 0), (1, 1)], float))
    assert bent[0].tolist() == [0, 0]
    assert bent[-1].tolist() == [1, 1]
    assert np.abs(bent - (1, 0)).sum(axis=1).min() > 0.2
    sharp = round_corners(np.array([(0, 0), (1, 0), (1, 0), (1, 1)], float))
    assert np.abs(sharp - (1, 0)).sum(axis=1).min() == 0
