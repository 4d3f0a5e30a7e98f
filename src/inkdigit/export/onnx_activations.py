"""The ONNX nodes of each Keras activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from inkdigit.export.onnx_graph import Graph, unsupported


def activate(graph: Graph, layer: Any, x: str, axis: int) -> str:
    """Apply `layer.activation` to the tensor named `x`, whose channels lie along `axis`."""
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name not in ACTIVATIONS or layer.activation is not getattr(keras.activations, name):
        raise unsupported(layer, f"of its activation '{name}'", f"one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name](graph, x, axis)


def _operator(name: str, **attributes: float) -> Callable[[Graph, str, int], str]:
    return lambda graph, x, _axis: graph.add(name, x, **attributes)


ACTIVATIONS: dict[str, Callable[[Graph, str, int], str]] = {
    "linear": lambda _graph, x, _axis: x,
    "relu": _operator("Relu"),
    "relu6": lambda graph, x, _axis: graph.add("Clip", x, graph.constant(0), graph.constant(6)),
    "leaky_relu": _operator("LeakyRelu", alpha=0.2),
    "elu": _operator("Elu"),
    "selu": _operator("Selu"),
    "gelu": _operator("Gelu"),
    "silu": lambda graph, x, _axis: graph.add("Mul", x, graph.add("Sigmoid", x)),
    "tanh": _operator("Tanh"),
    "sigmoid": _operator("Sigmoid"),
    "hard_sigmoid": _operator("HardSigmoid", alpha=1 / 6),
    "hard_silu": _operator("HardSwish"),
    "mish": _operator("Mish"),
    "softplus": _operator("Softplus"),
    "softmax": lambda graph, x, axis: graph.add("Softmax", x, axis=axis),
}
