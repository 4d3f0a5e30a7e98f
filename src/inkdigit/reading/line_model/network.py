"""The network of the line reader: fully convolutional, so that strips of any width go through."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper

from inkdigit.export.onnx import IR_VERSION, OPSET, convert
from inkdigit.export.onnx_graph import Graph, Value
from inkdigit.reading.line_model.samples import HEIGHT

STRIDE = 2  # pixels of a strip for each column of the answer
# Of each column: the logit that a digit's middle is here, those of the ten digits, and the box's four sides.
HERE, DIGITS, BOX = slice(0, 1), slice(1, 11), slice(11, 15)
OUTPUTS = 15


def build(width: int) -> keras.Model:
    """From strips (N, 48, width, 1) with ink from 0 to 1 to (N, width / 2, 15)."""
    strips: Any = keras.Input((HEIGHT, width, 1), name="strips")
    x = _convolve(strips, 16, 5, strides=STRIDE)
    x = _convolve(x, 24, 3)
    x = layers.MaxPooling2D((2, 1))(x)
    x = _convolve(_convolve(x, 40, 3), 40, 3)
    x = layers.MaxPooling2D((2, 1))(x)
    x = _convolve(_convolve(x, 64, 3), 64, 3)
    x = layers.MaxPooling2D((2, 1))(x)
    # From here on a column is one vector; the context of its neighbours tells a digit from half of one.
    x = layers.ZeroPadding2D((0, 1))(x)
    x = _convolve(x, 128, 3, padding="valid")
    x = _convolve(x, 96, (1, 5))
    x = layers.Dropout(0.2)(x)
    x = _convolve(x, 96, (1, 5))
    return keras.Model(strips, layers.Conv2D(OUTPUTS, 1, dtype="float32", name="columns")(x), name="line")


def _convolve(
    x: keras.KerasTensor, filters: int, size: int | tuple[int, int], strides: int = 1, padding: str = "same"
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def to_onnx(model: keras.Model) -> bytes:
    """`strips` (N, 48, W) uint8 of any even W -> `columns` (N, 15, W / 2) float32."""
    graph = Graph()
    pixels = graph.add("Mul", graph.add("Cast", "strips", to=TensorProto.FLOAT), graph.constant(1 / 255))
    strips = graph.add("Unsqueeze", pixels, graph.constant([1], np.int64))
    width = model.inputs[0].shape[2]
    (output,) = convert(graph, model, [Value(strips, (HEIGHT, width, 1), channels_first=True)])
    graph.nodes.append(
        helper.make_node("Squeeze", [output.name, graph.constant([2], np.int64)], ["columns"], "columns")
    )
    onnx_graph = helper.make_graph(
        graph.nodes,
        model.name,
        [helper.make_tensor_value_info("strips", TensorProto.UINT8, ["N", HEIGHT, "W"])],
        [helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["N", OUTPUTS, "C"])],
        graph.constants,
    )
    opset = helper.make_opsetid("", OPSET)
    proto: onnx.ModelProto = helper.make_model(
        onnx_graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="inkdigit"
    )
    return proto.SerializeToString()
