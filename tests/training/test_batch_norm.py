"""The fused kernel is Keras's layer, only faster."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from inkdigit.training.batch_norm import FusedBatchNormalization, fuse_batch_norm


def twins() -> tuple[keras.Model, keras.Model]:
    plain = keras.Sequential([keras.Input((6, 6, 4)), layers.BatchNormalization(momentum=0.5), layers.Flatten()])
    fused = keras.models.clone_model(plain)
    weights = [np.linspace(0.5, 2, w.size, dtype=np.float32).reshape(w.shape) for w in plain.get_weights()]
    plain.set_weights(weights)
    fused.set_weights(weights)
    fuse_batch_norm(fused)
    return plain, fused


def test_same_values_and_statistics(rng: np.random.Generator) -> None:
    plain, fused = twins()
    x = rng.normal(3, 2, (64, 6, 6, 4)).astype(np.float32)
    assert isinstance(fused.layers[0], FusedBatchNormalization)
    assert np.array(fused(x, training=True)) == pytest.approx(np.array(plain(x, training=True)), abs=1e-4)
    for ours, keras_own in zip(fused.get_weights(), plain.get_weights(), strict=True):
        assert ours == pytest.approx(keras_own, rel=2e-3)  # the kernel divides by n - 1, Keras by n
    assert np.array(fused(x)) == pytest.approx(np.array(plain(x)), rel=5e-3, abs=1e-3)


def test_frozen_layer_keeps_its_statistics(rng: np.random.Generator) -> None:
    _, fused = twins()
    fused.layers[0].trainable = False
    before = fused.get_weights()
    fused(rng.normal(3, 2, (64, 6, 6, 4)).astype(np.float32), training=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, fused.get_weights(), strict=True))


def test_layers_that_do_not_fit_stay_as_they_are() -> None:
    flat = keras.Sequential([keras.Input((5,)), layers.BatchNormalization()])
    unscaled = keras.Sequential([keras.Input((6, 6, 4)), layers.BatchNormalization(scale=False)])
    for model in (flat, unscaled):
        fuse_batch_norm(model)
        assert type(model.layers[0]) is layers.BatchNormalization
