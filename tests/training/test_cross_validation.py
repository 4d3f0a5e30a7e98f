"""Folds, and the mean of several networks. The trainings are fakes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from inkdigit.data.dataset import Dataset
from inkdigit.export.onnx import to_onnx
from inkdigit.export.tta import shifted_copies
from inkdigit.recognizer import Recognizer
from inkdigit.training.averaging import average_models, mean_curve
from inkdigit.training.cross_validation import assign_folds, cross_validate, write_out_of_fold
from inkdigit.training.trainer import Epoch, predict
from tests.conftest import part


def linear(seed: int) -> keras.Model:
    """An untrained network."""
    pixels = keras.Input((28, 28), dtype="uint8")
    start: Any = keras.initializers.GlorotUniform(seed)
    ends = layers.Dense(10, "softmax", kernel_initializer=start)
    return keras.Model(pixels, ends(layers.Flatten()(layers.Rescaling(1 / 255)(pixels))))


def epoch(number: int, loss: float, *, seconds: float = 2.0) -> Epoch:
    return Epoch(number, loss, 0.5, 2 * loss, 0.25, 0.125, seconds)


def test_folds_are_equal_shares_drawn_by_the_seed() -> None:
    folds = assign_folds(1000, 3, seed=0)
    assert np.bincount(folds).tolist() == [334, 333, 333]
    np.testing.assert_array_equal(folds, assign_folds(1000, 3, seed=0))
    assert (folds != assign_folds(1000, 3, seed=1)).any()
    assert (folds != np.arange(1000) % 3).any()


def test_each_row_is_predicted_by_the_network_that_was_not_trained_on_it(real_digits: Dataset) -> None:
    rows = part(real_digits, slice(90))
    calls: list[tuple[Dataset, Dataset, int, int]] = []
    models = [linear(seed) for seed in range(3)]

    def fit(
        train: Dataset, validation: Dataset | None, *, stage: str = "", part: int = 0, parts: int = 1
    ) -> tuple[keras.Model, list[Epoch]]:
        assert validation is not None
        calls.append((train, validation, part, parts))
        return models[part], [epoch(1, part)]

    crossed = cross_validate(rows, 3, 0, fit)
    assert [call[2:] for call in calls] == [(0, 3), (1, 3), (2, 3)]
    assert crossed.models == models
    assert [curve[0].loss for curve in crossed.curves] == [0, 1, 2]
    for number, (train, validation, _, _) in enumerate(calls):
        held_out = crossed.fold == number
        np.testing.assert_array_equal(train.hashes, rows.hashes[~held_out])
        np.testing.assert_array_equal(validation.hashes, rows.hashes[held_out])
        expected = predict(models[number], rows.images[held_out])
        np.testing.assert_allclose(crossed.probabilities[held_out], expected, atol=1e-6)


def test_out_of_fold_probabilities_are_written_in_the_rows_order(real_digits: Dataset, tmp_path: Path) -> None:
    probabilities = np.eye(10)[[3, 1]] * 0.5 + 0.05
    write_out_of_fold(tmp_path / "oof.csv", part(real_digits, slice(2)), np.array([1, 0]), probabilities)
    with (tmp_path / "oof.csv").open() as file:
        first, second = csv.DictReader(file)
    assert (first["row"], first["label"], first["fold"], first["p3"]) == ("0", "5", "1", "0.550000")
    assert (second["row"], second["label"], second["fold"], second["p1"]) == ("1", "0", "0", "0.550000")
    assert list(first) == ["row", "label", "fold", *(f"p{digit}" for digit in range(10))]


def test_an_average_is_that_of_all_networks_on_all_shifted_copies(real_digits: Dataset) -> None:
    models = [linear(seed) for seed in range(2)]
    alone = [Recognizer(to_onnx(model)) for model in models]
    images = real_digits.images[:100]
    expected = np.mean([one.predict_proba(copy) for one in alone for copy in shifted_copies(images)], axis=0)
    probabilities = Recognizer(to_onnx(average_models(models), tta=True)).predict_proba(images)
    assert np.abs(probabilities - expected).max() < 1e-5


def test_a_mean_curve_has_the_mean_of_every_figure_and_the_sum_of_the_seconds() -> None:
    curves = [[epoch(1, 4), epoch(2, 2)], [epoch(1, 2), epoch(2, 1, seconds=3)]]
    assert mean_curve(curves) == [epoch(1, 3, seconds=4), epoch(2, 1.5, seconds=5)]
    with pytest.raises(ValueError, match="zip"):
        mean_curve([curves[0], curves[1][:1]])
