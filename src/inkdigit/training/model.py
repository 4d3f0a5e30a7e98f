"""The network: plain Keras layers, so that the saved file can be loaded without Inkdigit."""

from __future__ import annotations

import keras
from keras import layers

from inkdigit.training.config import Settings


def build(settings: Settings) -> keras.Model:
    """Build the network from pixels (N, 28, 28) uint8 to ten probabilities (N, 10)."""
    pixels = keras.Input((28, 28), dtype="uint8", name="pixels")
    x = layers.Rescaling(1 / 255, name="scaling")(pixels)
    x = layers.Reshape((28, 28, 1), name="channel")(x)

    for filters, kernel_size, padding in zip(settings.filters, settings.kernel_size, settings.padding, strict=True):
        for width in filters[:-1]:
            x = layers.Conv2D(width, kernel_size, padding=padding, use_bias=not settings.batch_norm)(x)
            x = _activate(x, settings)
        x = layers.Conv2D(filters[-1], kernel_size, padding=padding, use_bias=not settings.batch_norm)(x)
        # Pooling comes first: normalization and activation have a quarter of the work, and the maximum is the same.
        x = layers.MaxPooling2D(2)(x) if settings.pooling == "max" else layers.AveragePooling2D(2)(x)
        x = _activate(x, settings)
        x = layers.Dropout(settings.block_dropout)(x) if settings.block_dropout else x

    x = layers.Flatten()(x)
    if settings.dense:
        x = _activate(layers.Dense(settings.dense, use_bias=not settings.batch_norm)(x), settings)
    x = layers.Dropout(settings.dropout)(x) if settings.dropout else x
    logits = layers.Dense(10, name="logits")(x)
    return keras.Model(pixels, layers.Softmax(dtype="float32", name="probabilities")(logits), name="inkdigit")


def _activate(x: keras.KerasTensor, settings: Settings) -> keras.KerasTensor:
    if settings.batch_norm:
        x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.Activation(settings.activation)(x)
