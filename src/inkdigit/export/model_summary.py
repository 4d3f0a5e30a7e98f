"""A Keras model laid open: its layers with output shapes, parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras

from inkdigit.report.data import Layer


def summarize_layers(model: keras.Model) -> list[Layer]:
    """The model's layers in order, nested models opened; input layers are left out."""
    return [
        Layer(layer.name, type(layer).__name__, _shape(layer), layer.count_params(), multiply_adds(layer))
        for layer in flat_layers(model)
        if not isinstance(layer, keras.layers.InputLayer)
    ]


def multiply_adds(layer: keras.Layer) -> int:
    """Multiply-adds of one image through the layer's kernels; 0 for layers that have none."""
    kernels = [w for w in layer.weights if w.path.endswith("kernel")]
    positions = math.prod(_shape(layer)[:-1])
    return sum(positions * math.prod(kernel.shape) for kernel in kernels)


def flat_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """The model's layers, those of nested models in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer


def _shape(layer: keras.Layer) -> tuple[int, ...]:
    shape = layer.output.shape if not isinstance(layer.output, list) else layer.output[0].shape
    return tuple(int(side) for side in shape[1:])
