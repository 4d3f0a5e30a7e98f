"""Images that are not digits: of many kinds, and recognised as such by the model that ships."""

from __future__ import annotations

import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from inkdigit.synth.nondigits import non_digits


def test_there_are_as_many_as_wanted_and_hardly_two_alike(real_digits: Dataset) -> None:
    drawn, again = (non_digits(200, real_digits.images, np.random.default_rng(seed)) for seed in (4, 4))
    assert (drawn.shape, drawn.dtype) == ((200, 28, 28), np.uint8)
    assert np.array_equal(drawn, again)
    assert (drawn.max((1, 2)) > 200).all()
    assert len(np.unique(drawn, axis=0)) >= 195


def test_the_model_that_ships_rejects_them(real_digits: Dataset, rng: np.random.Generator) -> None:
    tells = Recognizer.load().predict_with_rejection
    none, digits = tells(non_digits(300, real_digits.images, rng))[1], tells(real_digits.images[:1000])[1]
    limit = np.quantile(digits, 0.98)
    assert (none > limit).mean() > 0.9
