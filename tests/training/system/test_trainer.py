"""Parts of a training that a figure in a report would not betray."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.training import backend
from inkdigit.training.config import PRESETS, Settings, preset
from inkdigit.training.ema import EMA_INTERVAL, WeightEMA
from inkdigit.training.model import build
from inkdigit.training.schedule import learning_rate
from inkdigit.training.trainer import Trainer, predict
from inkdigit.utils.hardware import describe_hardware
from tests.conftest import part

TINY = Settings(filters=((4,), (4,), (4,)), dense=8, epochs=2)


def test_learning_rate_rises_then_falls_to_nearly_nothing() -> None:
    rates = [learning_rate(step, 100, Settings(learning_rate=1.0, warm_up=0.2)) for step in range(100)]
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates.index(max(rates)) in {19, 20}
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert 0 < rates[-1] < 0.01
    assert learning_rate(77, 100, preset("article")) == 1e-3


def test_an_epoch_shows_each_row_once_and_another_epoch_another_order(real_digits: Dataset) -> None:
    rows = part(real_digits, slice(1280))
    still = replace(TINY, rotation=0, shift=0, zoom=0, shear=0, elastic=0)
    trainer = Trainer(build, rows, still)
    first, second = ([images for images, _ in trainer.batches(epoch)] for epoch in (0, 1))
    assert len(first) == 10
    seen = {image.tobytes() for batch in first for image in batch}
    assert seen == {image.tobytes() for image in rows.images}
    assert not np.array_equal(first[0], second[0])


def test_average_covers_batch_norm_statistics_and_leaves_the_training_alone() -> None:
    model = build(TINY)
    average = WeightEMA(0.5)
    statistics = [i for i, w in enumerate(model.weights) if "moving_mean" in w.path]
    assert statistics
    for step in range(0, 800, EMA_INTERVAL):
        model.set_weights([np.full(w.shape, step // 400, np.float32) for w in model.get_weights()])
        average.update(model, step)
    with average.applied(model):
        assert all(0.9 < model.get_weights()[i].mean() <= 1 for i in statistics)
    assert all(w.mean() == 1 for w in model.get_weights())
    assert model.get_weights()[statistics[0]].mean() == 1


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon"])
def test_every_optimizer_learns(real_digits: Dataset, optimizer: str) -> None:
    keras.utils.set_random_seed(0)
    settings = replace(TINY, optimizer=optimizer, learning_rate=0.01, batch_size=64)
    trainer = Trainer(build, part(real_digits, slice(2048)), settings)
    losses = [trainer.step(step, *batch)[0] for step, batch in enumerate(trainer.batches(0))]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.2


def test_model_trained_in_bfloat16_comes_back_in_float32(real_digits: Dataset) -> None:
    settings = replace(TINY, precision="mixed_bfloat16", epochs=1)
    trainer = Trainer(build, part(real_digits, slice(256)), settings)
    for step, batch in enumerate(trainer.batches(0)):
        trainer.step(step, *batch)
    kept = trainer.result()
    assert {layer.compute_dtype for layer in kept.layers if layer.weights} == {"float32"}
    assert trainer.model.layers[3].compute_dtype == "bfloat16"


def test_presets_say_who_they_are() -> None:
    assert [preset(name).preset for name in PRESETS] == list(PRESETS)


def test_a_few_steps_are_enough_to_be_used(real_digits: Dataset) -> None:
    """Batch-norm statistics start far from the truth; a short training must not be judged, or kept, with those."""
    keras.utils.set_random_seed(0)
    rows = part(real_digits, slice(2048))
    trainer = Trainer(build, rows, replace(Settings(), filters=((8,), (16,), (16,)), epochs=1))
    for step, batch in enumerate(trainer.batches(0)):
        trainer.step(step, *batch)
    others = part(real_digits, slice(2048, 4096))
    accuracy = (predict(trainer.result(), others.images).argmax(1) == others.required_labels).mean()
    assert accuracy > 0.6
    assert trainer.score(others)[1] > 0.6


def test_precision_follows_the_processor_unless_asked() -> None:
    assert backend.dtype_policy("float32") == "float32"
    assert backend.dtype_policy("mixed_bfloat16") == "mixed_bfloat16"
    assert (backend.dtype_policy("auto") == "mixed_bfloat16") == ("BF16" in describe_hardware())
