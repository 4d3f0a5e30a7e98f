"""The line model's network in Keras, fully convolutional, so that strips of any width go through; and in ONNX."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper

from inkdigit.export.onnx import IR_VERSION, OPSET, convert
from inkdigit.export.onnx_graph import Graph, Value
from inkdigit.reading.line_model.spec import CHANNELS, INPUT, OUTPUT, STRIDE, STRIP_HEIGHT


def build(width: int) -> keras.Model:
    """The network: strips (N, 48, width, 1) float32 with ink from 0 to 1 -> (N, 1, width / 2, 15) float32."""
    strips: Any = keras.Input((STRIP_HEIGHT, width, 1), name=INPUT)
    x = _convolve(strips, 16, 5, strides=STRIDE)
    x = _convolve(x, 24, 3)
    x = layers.MaxPooling2D((2, 1))(x)
    x = _convolve(_convolve(x, 40, 3), 40, 3)
    x = layers.MaxPooling2D((2, 1))(x)
    x = _convolve(_convolve(x, 64, 3), 64, 3)
    x = layers.MaxPooling2D((2, 1))(x)
    # From here on a column is one vector; its neighbours show whether it is a digit or half of one.
    x = layers.ZeroPadding2D((0, 1))(x)
    x = _convolve(x, 128, 3, padding="valid")
    x = _convolve(x, 96, (1, 5))
    x = layers.Dropout(0.2)(x)
    x = _convolve(x, 96, (1, 5))
    return keras.Model(strips, layers.Conv2D(CHANNELS, 1, dtype="float32", name=OUTPUT)(x), name="line")


def _convolve(
    x: keras.KerasTensor, filters: int, size: int | tuple[int, int], strides: int = 1, padding: str = "same"
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def to_onnx(model: keras.Model) -> bytes:
    """The network -> an ONNX file's bytes: `strips` (N, 48, W) uint8, W even -> `columns` (N, 15, W / 2) float32."""
    graph = Graph()
    pixels = graph.add("Mul", graph.add("Cast", INPUT, to=TensorProto.FLOAT), graph.constant(1 / 255))
    strips = graph.add("Unsqueeze", pixels, graph.constant([1], np.int64))
    width = model.inputs[0].shape[2]
    (output,) = convert(graph, model, [Value(strips, (STRIP_HEIGHT, width, 1), channels_first=True)])
    graph.nodes.append(helper.make_node("Squeeze", [output.name, graph.constant([2], np.int64)], [OUTPUT], OUTPUT))
    onnx_graph = helper.make_graph(
        graph.nodes,
        model.name,
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", STRIP_HEIGHT, "W"])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", CHANNELS, "C"])],
        graph.constants,
    )
    opset = helper.make_opsetid("", OPSET)
    proto: onnx.ModelProto = helper.make_model(
        onnx_graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="inkdigit"
    )
    return proto.SerializeToString()
