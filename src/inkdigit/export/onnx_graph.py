"""An ONNX graph while it is being written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from inkdigit.errors import InkdigitError


@dataclass(frozen=True)
class Value:
    """A tensor of the ONNX graph. `shape` is Keras's, without the batch axis, whatever the layout."""

    name: str
    shape: tuple[int, ...]
    channels_first: bool = False

    @property
    def channel_axis(self) -> int:
        """Where the channels stand, the batch axis counted."""
        return 1 if self.channels_first else len(self.shape)


@dataclass
class Graph:
    """The ONNX nodes and constants written so far; names start with the Keras layer's."""

    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    constants: list[onnx.TensorProto] = field(default_factory=list[onnx.TensorProto])
    names: dict[Any, str] = field(default_factory=dict[Any, str])  # of the constants, by content
    layer: str = "input"

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node and return its output's name."""
        name = f"{self.layer}/{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, array: Any, dtype: type = np.float32) -> str:
        """Append a tensor (float32, or int64 for shapes) and return its name; an equal one is written once."""
        tensor = np.array(array, dtype)
        key = (tensor.dtype.str, tensor.shape, tensor.tobytes())
        if key not in self.names:
            self.names[key] = f"{self.layer}/constant_{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(tensor, self.names[key]))
        return self.names[key]

    def channels_first(self, value: Value) -> Value:
        """The same tensor as (N, channels, height, width), if it is a batch of images."""
        if value.channels_first or len(value.shape) != 3:
            return value
        return Value(self.add("Transpose", value.name, perm=[0, 3, 1, 2]), value.shape, channels_first=True)

    def keras_order(self, value: Value) -> Value:
        """The same tensor with its axes in Keras's order."""
        if not value.channels_first:
            return value
        return Value(self.add("Transpose", value.name, perm=[0, 2, 3, 1]), value.shape)


def unsupported(layer: Any, what: str, instead: str) -> InkdigitError:
    """The error for a layer with an option that has no counterpart in ONNX."""
    kind = type(layer).__name__
    return InkdigitError(
        f"the layer '{layer.name}' ({kind}) cannot be exported to ONNX because {what}: use {instead}.",
        code="layer-unsupported",
    )


def array(tensor: Any) -> NDArray[np.float32]:
    """A weight of any backend as a NumPy array."""
    weight: Any = keras.ops.convert_to_numpy(tensor)
    return weight
