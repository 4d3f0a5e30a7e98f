"""A checkpoint gives back all that it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from inkdigit.errors import InkdigitError
from inkdigit.training.checkpoint import restore_checkpoint, save_checkpoint
from inkdigit.training.ema import WeightEMA
from tests.damage import damaged_copies
from tests.errors import refused

PROGRESS = [{"epoch": 1, "val_loss": None}, {"epoch": 2, "val_loss": 0.5}]


def make_model(units: int = 3) -> keras.Model:
    """A small network with batch-norm statistics, ready for its first step."""
    model: Any = keras.Sequential(
        [keras.Input((4,)), layers.Dense(units), layers.BatchNormalization(), layers.Dense(2, activation="softmax")]
    )
    model.compile(keras.optimizers.Adam(0.1), "categorical_crossentropy", run_eagerly=True)
    return model


def take_steps(model: keras.Model, ema: WeightEMA, steps: range) -> None:
    for step in steps:
        rng = np.random.default_rng(step)
        model.train_on_batch(rng.normal(size=(8, 4)), np.eye(2)[rng.integers(2, size=8)])
        ema.update(model, step)


@pytest.fixture(scope="module")
def trained() -> tuple[keras.Model, WeightEMA]:
    model, ema = make_model(), WeightEMA(0.9)
    take_steps(model, ema, range(100, 103))
    return model, ema


def test_a_training_goes_on_from_it_exactly(trained: tuple[keras.Model, WeightEMA], tmp_path: Path) -> None:
    model, ema = trained
    save_checkpoint(tmp_path / "training.npz", model, ema, PROGRESS)
    again, ema_again = make_model(), WeightEMA(0.9)
    assert restore_checkpoint(tmp_path / "training.npz", again, ema_again) == PROGRESS
    variables = (again.variables + again.optimizer.variables, model.variables + model.optimizer.variables)
    for ours, theirs in zip(*variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for both in ((model, ema), (again, ema_again)):
        take_steps(*both, range(103, 105))
    for ours, theirs in zip(again.get_weights() + ema_again.weights, model.get_weights() + ema.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [path.name for path in tmp_path.iterdir()] == ["training.npz"]


def test_an_average_without_updates_is_restored(tmp_path: Path) -> None:
    model = make_model()
    model.optimizer.build(model.trainable_variables)
    save_checkpoint(tmp_path / "training.npz", model, WeightEMA(0), [])
    ema = WeightEMA(0)
    assert restore_checkpoint(tmp_path / "training.npz", model, ema) == []
    assert ema.weights == []


def test_a_damaged_checkpoint_or_one_of_another_network_is_refused(
    trained: tuple[keras.Model, WeightEMA], tmp_path: Path
) -> None:
    path = tmp_path / "training.npz"
    save_checkpoint(path, *trained, PROGRESS)
    with refused("checkpoint-damaged", path):
        restore_checkpoint(path, make_model(units=4), WeightEMA(0))
    content = path.read_bytes()
    for damaged in (b"", b"no arrays", content[: len(content) // 2], content[:-40]):
        path.write_bytes(damaged)
        with refused("checkpoint-damaged", path):
            restore_checkpoint(path, make_model(), WeightEMA(0))
    path.unlink()
    with refused("checkpoint-damaged", path):
        restore_checkpoint(path, make_model(), WeightEMA(0))


def test_every_damage_is_noticed(
    trained: tuple[keras.Model, WeightEMA], tmp_path: Path, rng: np.random.Generator
) -> None:
    path, (model, ema) = tmp_path / "training.npz", trained
    save_checkpoint(path, model, ema, PROGRESS)
    again, ema_again = make_model(), WeightEMA(0.9)
    noticed = 0
    for content in damaged_copies(path.read_bytes(), 60, rng):
        path.write_bytes(content)
        try:
            assert restore_checkpoint(path, again, ema_again) == PROGRESS
        except InkdigitError as error:
            noticed += error.code == "checkpoint-damaged"
            continue
        # What was damaged does not count, such as the time of a file in the archive.
        noticed += 1
        for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert noticed == 60
