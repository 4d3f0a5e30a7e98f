"""A Keras model as a list of layers, with output shapes, parameters and multiply-adds. Imports Keras when asked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import keras


class Layer(NamedTuple):
    """One layer of a network.

    Attributes:
        name: the name that Keras gave it.
        kind: its Keras class, such as `Conv2D`.
        shape: of its output, without the batch axis.
        parameters: number of its weights, batch-norm statistics included.
        multiply_adds: for one image.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def summarize_layers(model: keras.Model) -> list[Layer]:
    """List the model's layers in order, those of nested models in their place, without input layers."""
    import keras

    return [
        Layer(layer.name, type(layer).__name__, _shape(layer), layer.count_params(), multiply_adds(layer))
        for layer in flat_layers(model)
        if not isinstance(layer, keras.layers.InputLayer)
    ]


def multiply_adds(layer: keras.Layer) -> int:
    """Count the multiply-adds of one image through the layer's kernels; 0 for a layer without kernels."""
    kernels = [w for w in layer.weights if w.path.endswith("kernel")]
    positions = math.prod(_shape(layer)[:-1])
    return sum(positions * math.prod(kernel.shape) for kernel in kernels)


def flat_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the model's layers, those of nested models in their place."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer


def _shape(layer: keras.Layer) -> tuple[int, ...]:
    shape = layer.output.shape if not isinstance(layer.output, list) else layer.output[0].shape
    return tuple(int(side) for side in shape[1:])
