"""The parts of a training, each on its own."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.export.tta import shifted_copies
from inkdigit.training.config import Settings
from inkdigit.training.ema import EMA_INTERVAL, WeightEMA
from inkdigit.training.trainer import Trainer, interruptible, log_loss, predict
from tests.conftest import part

STILL = Settings(
    filters=((4,), (4,), (4,)), dense=8, epochs=2, rotation=0, shift=0, zoom=0, shear=0, elastic=0, optimizer="adam"
)


def linear(_: Settings) -> keras.Model:
    """A softmax of the pixels."""
    ends = [layers.Flatten(), layers.Dense(10, activation="softmax", kernel_initializer="zeros")]
    return keras.Sequential([keras.Input((28, 28), dtype="uint8"), layers.Rescaling(1 / 255), *ends])


def test_an_epoch_shows_each_row_once_and_another_epoch_another_order(real_digits: Dataset) -> None:
    rows = part(real_digits, slice(1280))
    trainer = Trainer(linear, rows, STILL)
    first, second, again = ([images for images, _ in trainer.batches(epoch)] for epoch in (0, 1, 0))
    assert len(first) == trainer.steps == 10
    assert trainer.total == 20
    seen = {image.tobytes() for batch in first for image in batch}
    assert seen == {image.tobytes() for image in rows.images}
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(first, again)


def test_rows_that_fill_no_batch_wait_for_another_epoch(real_digits: Dataset) -> None:
    trainer = Trainer(linear, part(real_digits, slice(300)), STILL)
    for epoch in range(2):
        assert [len(images) for images, _ in trainer.batches(epoch)] == [128, 128]
    few = Trainer(linear, part(real_digits, slice(50)), STILL)
    assert [len(images) for images, _ in few.batches(0)] == [50]


def test_augmentation_follows_the_seed_and_the_epoch(real_digits: Dataset) -> None:
    rows, settings = part(real_digits, slice(128)), replace(STILL, rotation=20)
    one, same, other = (
        next(Trainer(linear, rows, replace(settings, seed=seed)).batches(0))[0].sum(axis=0) for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_targets_are_smoothed_labels(real_digits: Dataset) -> None:
    rows = part(real_digits, slice(100))
    _, targets = next(Trainer(linear, rows, replace(STILL, label_smoothing=0.1)).batches(0))
    assert targets.sum(axis=1) == pytest.approx(1)
    assert np.bincount(targets.argmax(axis=1), minlength=10).tolist() == np.bincount(rows.required_labels).tolist()
    assert targets.max() == pytest.approx(0.91)
    assert targets.min() == pytest.approx(0.01)


def test_a_teachers_softened_predictions_are_most_of_the_target(real_digits: Dataset) -> None:
    def teacher(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.tile(np.array([0.64, 0.36, *[0] * 8], np.float32), (len(images), 1))

    images, targets = next(Trainer(linear, part(real_digits, slice(100)), STILL, teacher).batches(0))
    soft = np.array([0.8, 0.6, *[1e-7**0.5] * 8])
    labels = {
        image.tobytes(): label
        for image, label in zip(real_digits.images[:100], real_digits.required_labels, strict=False)
    }
    expected = 0.1 * np.eye(10)[[labels[image.tobytes()] for image in images]] + 0.9 * soft / soft.sum()
    np.testing.assert_allclose(targets, expected, atol=1e-6)


def test_the_average_covers_batch_norm_statistics() -> None:
    model = keras.Sequential([keras.Input((2,)), layers.BatchNormalization()])
    average = WeightEMA(0.5)
    for step in range(0, 800, EMA_INTERVAL):
        model.set_weights([np.full(w.shape, step // 400, np.float32) for w in model.get_weights()])
        average.update(model, step)
    statistics = [i for i, w in enumerate(model.weights) if "moving_mean" in w.path]
    assert statistics
    with average.applied(model):
        assert all(0.9 < model.get_weights()[i].mean() <= 1 for i in statistics)
    assert all(w.mean() == 1 for w in model.get_weights())


def test_predictions_come_in_parts_and_as_the_mean_of_shifted_copies(real_digits: Dataset) -> None:
    model = linear(STILL)
    model.set_weights([np.random.default_rng(0).normal(0, 0.1, w.shape) for w in model.get_weights()])
    images = real_digits.images[:1203]
    plain = predict(model, images)
    assert (plain.shape, plain.dtype) == ((1203, 10), np.float32)
    np.testing.assert_allclose(plain[1000:], predict(model, images[1000:]), atol=1e-5)
    mean = np.mean([predict(model, copy) for copy in shifted_copies(images[:50])], axis=0)
    np.testing.assert_allclose(predict(model, images[:50], tta=True), mean, atol=1e-6)


def test_log_loss_is_the_mean_surprise_in_nats() -> None:
    probabilities = np.array([[0.5, 0.5, *[0] * 8], [1, *[0] * 9]], np.float32)
    assert log_loss(probabilities, np.array([1, 0])) == pytest.approx(np.log(2) / 2)
    assert log_loss(probabilities, np.array([9, 0])) == pytest.approx(-np.log(1e-7) / 2)


def test_the_first_ctrl_c_is_noted_and_the_second_one_works_as_ever() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with interruptible() as interrupted:
            assert not interrupted()
            os.kill(os.getpid(), signal.SIGINT)
            assert interrupted()
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_training_in_another_thread_leaves_signals_alone() -> None:
    seen: list[bool] = []

    def train() -> None:
        with interruptible() as interrupted:
            seen.append(interrupted())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [False]
