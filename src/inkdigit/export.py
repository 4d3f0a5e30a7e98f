"""Keras -> ONNX, with the parity gate.

The graph of the Keras model is walked layer by layer, and each layer writes its ONNX nodes through the
converter that the tables at the end name. ONNX convolves (N, channels, height, width), Keras (N, height,
width, channels): the walk brings a layer's inputs into the order its table asks for, and no converter has
to care.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inkdigit.errors import InkdigitError
from inkdigit.evaluation import apply_temperature
from inkdigit.files import atomic
from inkdigit.recognizer import Recognizer

OPSET, IR_VERSION = 20, 9  # the first opset with Gelu; ONNX Runtime reads both since 1.17
TOLERANCE = 1e-4  # largest difference of a probability that float32 rounding may explain
TIE = 1e-5  # two digits closer than this are equally probable: either may come first
CHUNK = 250  # images per call of the Keras model: bounds the memory


def export(model: keras.Model, path: Path, images: NDArray[np.uint8], temperature: float = 1.0) -> None:
    """Write `model` as ONNX to `path`, unless it answers differently from Keras on `images`.

    images: (N, 28, 28) uint8, N > 0; a thousand real digits are plenty. temperature: see `to_onnx`.
    Raises InkdigitError, and writes nothing, when the model cannot be converted, when a probability differs
    by more than 1e-4 or when another digit is the most probable one.
    """
    converted = to_onnx(model, temperature)
    expected, actual = _answers(converted, model, images, temperature)
    difference = _largest_difference(expected, actual)
    moved = _moved_digits(expected, actual)
    if not difference <= TOLERANCE or moved:  # a NaN is not <= anything
        raise InkdigitError(
            f"{path} was not written: as ONNX, the model '{model.name}' differs from Keras by up to "
            f"{difference:.1e} in a probability (allowed: {TOLERANCE:.0e}) and predicts another digit for "
            f"{moved} of {len(images)} images, so a layer was not converted faithfully; please report it."
        )
    with atomic(path) as temporary:
        temporary.write_bytes(converted)


def parity(onnx_bytes: bytes, model: keras.Model, images: NDArray[np.uint8], temperature: float = 1.0) -> float:
    """Largest difference of any probability between ONNX Runtime and Keras in float32.

    images: (N, 28, 28) uint8, N > 0. temperature: the one inside the ONNX model; Keras's answers get it too.
    """
    return _largest_difference(*_answers(onnx_bytes, model, images, temperature))


def to_onnx(model: keras.Model, temperature: float = 1.0) -> bytes:
    """Convert a float32 model from (N, 28, 28) pixels to ten probabilities.

    The result takes `pixels` (N, 28, 28) uint8 and gives `probabilities` (N, 10) float32, for any N. The
    logits are divided by `temperature` (> 0) before the last softmax. Raises InkdigitError, naming the layer,
    for what cannot be converted.
    """
    functional = _functional(model)
    _check_ends(functional)
    graph = _Graph()
    pixels = graph.add("Cast", "pixels", to=TensorProto.FLOAT)
    (output,) = _convert_model(graph, functional, [_Value(pixels, (28, 28))])
    _finish(graph, model, output, temperature)
    onnx_graph = helper.make_graph(
        graph.nodes,
        model.name,
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])],
        graph.constants,
    )
    opset = helper.make_opsetid("", OPSET)
    proto: onnx.ModelProto = helper.make_model(
        onnx_graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="inkdigit"
    )
    return proto.SerializeToString()


# --- the gate -----------------------------------------------------------------------------------------------


def _answers(
    onnx_bytes: bytes, model: keras.Model, images: NDArray[np.uint8], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """What Keras says (calibrated) and what ONNX Runtime says: two (N, 10) arrays of probabilities."""
    # A copy on the CPU: a GPU may multiply float32 in TF32, whose rounding alone would exceed the tolerance.
    with keras.device("cpu"):
        twin = keras.models.clone_model(model)
        twin.set_weights(model.get_weights())
        chunks = [_array(twin(images[start : start + CHUNK], training=False)) for start in range(0, len(images), CHUNK)]
    expected = apply_temperature(np.concatenate(chunks), temperature)
    return expected, Recognizer(onnx_bytes).predict_proba(images)


def _largest_difference(expected: NDArray[np.float64], actual: NDArray[np.float32]) -> float:
    return float(np.abs(expected - actual).max())


def _moved_digits(expected: NDArray[np.float64], actual: NDArray[np.float32]) -> int:
    """How many rows have another most probable digit, ties aside."""
    rows = np.arange(len(expected))
    return int(np.sum(expected.max(axis=1) - expected[rows, actual.argmax(axis=1)] > TIE))


# --- the walk -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Value:
    """A tensor of the ONNX graph. `shape` is Keras's, without the batch axis, whatever the layout."""

    name: str
    shape: tuple[int, ...]
    channels_first: bool = False

    @property
    def channel_axis(self) -> int:
        return 1 if self.channels_first else len(self.shape)


@dataclass
class _Graph:
    """The ONNX nodes and constants written so far; names start with the Keras layer's."""

    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    constants: list[onnx.TensorProto] = field(default_factory=list[onnx.TensorProto])
    layer: str = "input"

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node and return its output's name."""
        name = f"{self.layer}/{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, array: Any, dtype: type = np.float32) -> str:
        """Append a tensor (float32, or int64 for shapes) and return its name."""
        name = f"{self.layer}/constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(array, dtype), name))
        return name

    def channels_first(self, value: _Value) -> _Value:
        """The same tensor as (N, channels, height, width), if it is a batch of images."""
        if value.channels_first or len(value.shape) != 3:
            return value
        return _Value(self.add("Transpose", value.name, perm=[0, 3, 1, 2]), value.shape, channels_first=True)

    def keras_order(self, value: _Value) -> _Value:
        """The same tensor with its axes in Keras's order."""
        if not value.channels_first:
            return value
        return _Value(self.add("Transpose", value.name, perm=[0, 2, 3, 1]), value.shape)


def _functional(model: keras.Model) -> Any:
    """The graph of layers behind a Sequential or functional model."""
    functional = getattr(model, "_functional", None) if isinstance(model, keras.Sequential) else model
    if not hasattr(functional, "_nodes_by_depth"):
        raise InkdigitError(
            f"the model '{model.name}' has no graph of layers to export: `build` must return "
            "keras.Model(inputs, outputs), or a keras.Sequential that starts with "
            "keras.Input((28, 28), dtype='uint8')."
        )
    return functional


def _check_ends(functional: Any) -> None:
    inputs = [tuple(tensor.shape) for tensor in functional.inputs]
    outputs = [tuple(tensor.shape) for tensor in functional.outputs]
    if inputs != [(None, 28, 28)] or outputs != [(None, 10)]:
        taken, given = (" and ".join(map(str, shapes)) for shapes in (inputs, outputs))
        raise InkdigitError(
            f"the model '{functional.name}' goes from {taken} to {given}: `build` must return one that goes "
            "from (None, 28, 28) uint8 pixels to (None, 10) probabilities."
        )


def _convert_model(graph: _Graph, functional: Any, inputs: Sequence[_Value]) -> list[_Value]:
    """Convert every layer in an order in which each finds its inputs ready; return the model's outputs."""
    values = {id(tensor): value for tensor, value in zip(functional.inputs, inputs, strict=True)}
    by_depth: dict[int, list[Any]] = functional._nodes_by_depth
    for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
        if node.is_input:
            continue
        ready = [values[id(tensor)] for tensor in node.input_tensors]
        if isinstance(node.operation, keras.Model):
            results = _convert_model(graph, _functional(node.operation), ready)
        else:
            graph.layer = node.operation.name
            results = [_convert_layer(graph, node.operation, ready, _shape(node))]
        values |= {id(tensor): value for tensor, value in zip(node.output_tensors, results, strict=True)}
    return [values[id(tensor)] for tensor in functional.outputs]


def _shape(node: Any) -> tuple[int, ...]:
    shape = tuple(node.output_tensors[0].shape)
    if None in shape[1:]:
        raise _unsupported(node.operation, f"its output {shape} has no fixed size", "inputs of a fixed size")
    return shape[1:]


def _convert_layer(graph: _Graph, layer: Any, inputs: list[_Value], shape: tuple[int, ...]) -> _Value:
    """Write one layer's nodes; its inputs are brought into the layout that its table promises."""
    kind = type(layer).__name__
    trains_only = kind in TRAINING_ONLY or kind.startswith("Random")
    convertible = (trains_only and shape == inputs[0].shape) or kind in CONVERTERS
    # The very class of that name: a subclass, or the operator behind `x + y`, may compute something else.
    if not convertible or type(layer) is not getattr(keras.layers, kind, None):
        raise InkdigitError(
            f"the layer '{layer.name}' ({kind}) cannot be exported to ONNX: build the model from the "
            f"keras.layers that act in training only and from {', '.join(CONVERTERS)}."
        )
    if layer.dtype_policy.name != "float32":
        raise _unsupported(layer, f"its dtype is {layer.dtype_policy.name}", "float32")
    if trains_only:
        return inputs[0]
    if kind in IMAGE_LAYERS:
        inputs = [graph.channels_first(value) for value in inputs]
    elif kind in KERAS_ORDER_LAYERS or not all(value.channels_first for value in inputs):
        inputs = [graph.keras_order(value) for value in inputs]
    name = CONVERTERS[kind](graph, layer, *inputs)
    return _Value(name, shape, inputs[0].channels_first and len(shape) == 3)


def _finish(graph: _Graph, model: keras.Model, output: _Value, temperature: float) -> None:
    """Divide the logits by the temperature and name the output."""
    softmax = graph.nodes.pop()
    if softmax.op_type != "Softmax" or softmax.output[0] != output.name:
        raise InkdigitError(
            f"the model '{model.name}' does not end in a softmax: the last layer that `build` adds must be "
            "keras.layers.Dense(10, activation='softmax') or keras.layers.Softmax()."
        )
    logits = softmax.input[0]
    if temperature != 1:
        graph.layer = "temperature"
        logits = graph.add("Mul", logits, graph.constant(1 / temperature))
    graph.nodes.append(helper.make_node("Softmax", [logits], ["probabilities"], softmax.name, axis=-1))


def _unsupported(layer: Any, what: str, instead: str) -> InkdigitError:
    kind = type(layer).__name__
    return InkdigitError(f"the layer '{layer.name}' ({kind}) cannot be exported to ONNX because {what}: use {instead}.")


# --- layers on images, (N, channels, height, width) ---------------------------------------------------------


def _conv2d(graph: _Graph, layer: Any, x: _Value) -> str:
    kernel = _array(layer.kernel).transpose(3, 2, 0, 1)
    return _activate(graph, layer, _convolve(graph, layer, x, kernel, _bias(graph, layer)), axis=1)


def _depthwise_conv2d(graph: _Graph, layer: Any, x: _Value) -> str:
    kernel = _depthwise(_array(layer.kernel))
    return _activate(graph, layer, _convolve(graph, layer, x, kernel, _bias(graph, layer)), axis=1)


def _separable_conv2d(graph: _Graph, layer: Any, x: _Value) -> str:
    convolved = _convolve(graph, layer, x, _depthwise(_array(layer.depthwise_kernel)), [])
    pointwise = graph.constant(_array(layer.pointwise_kernel).transpose(3, 2, 0, 1))
    return _activate(graph, layer, graph.add("Conv", convolved, pointwise, *_bias(graph, layer)), axis=1)


def _convolve(graph: _Graph, layer: Any, x: _Value, kernel: NDArray[np.float32], bias: list[str]) -> str:
    """kernel: (output channels, input channels of a group, height, width)."""
    _require_channels_last(layer)
    return graph.add(
        "Conv",
        x.name,
        graph.constant(kernel),
        *bias,
        strides=layer.strides,
        dilations=layer.dilation_rate,
        group=x.shape[-1] // kernel.shape[1],
        pads=_pads(layer, x, kernel.shape[2:], layer.dilation_rate),
    )


def _bias(graph: _Graph, layer: Any) -> list[str]:
    return [graph.constant(_array(layer.bias))] if layer.use_bias else []


def _depthwise(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """(height, width, channels, multiplier) -> (channels · multiplier, 1, height, width)."""
    height, width, channels, multiplier = kernel.shape
    return kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)


def _pads(layer: Any, x: _Value, window: Sequence[int], dilations: Sequence[int] = (1, 1)) -> list[int]:
    """[top, left, bottom, right]; of an odd number, "same" puts the larger half below and to the right."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    totals = [
        max((math.ceil(size / stride) - 1) * stride + dilation * (extent - 1) + 1 - size, 0)
        for size, stride, dilation, extent in zip(x.shape[:2], layer.strides, dilations, window, strict=True)
    ]
    before = [total // 2 for total in totals]
    return before + [total - first for total, first in zip(totals, before, strict=True)]


def _max_pooling2d(graph: _Graph, layer: Any, x: _Value) -> str:
    return _pool(graph, "MaxPool", layer, x)


def _average_pooling2d(graph: _Graph, layer: Any, x: _Value) -> str:
    return _pool(graph, "AveragePool", layer, x)


def _pool(graph: _Graph, operator: str, layer: Any, x: _Value) -> str:
    _require_channels_last(layer)
    pads = _pads(layer, x, layer.pool_size)
    return graph.add(operator, x.name, kernel_shape=layer.pool_size, strides=layer.strides, pads=pads)


def _global_average_pooling2d(graph: _Graph, layer: Any, x: _Value) -> str:
    return _global_pool(graph, "GlobalAveragePool", layer, x)


def _global_max_pooling2d(graph: _Graph, layer: Any, x: _Value) -> str:
    return _global_pool(graph, "GlobalMaxPool", layer, x)


def _global_pool(graph: _Graph, operator: str, layer: Any, x: _Value) -> str:
    _require_channels_last(layer)
    pooled = graph.add(operator, x.name)
    return pooled if layer.keepdims else graph.add("Flatten", pooled)


def _batch_normalization(graph: _Graph, layer: Any, x: _Value) -> str:
    if layer.axis not in {-1, len(x.shape)}:
        raise _unsupported(layer, f"it has axis={layer.axis}", "the last axis, axis=-1")
    mean, variance = _array(layer.moving_mean), _array(layer.moving_variance)
    gamma = np.ones_like(mean) if layer.gamma is None else _array(layer.gamma)
    beta = np.zeros_like(mean) if layer.beta is None else _array(layer.beta)
    if x.channels_first:
        constants = [graph.constant(array) for array in (gamma, beta, mean, variance)]
        return graph.add("BatchNormalization", x.name, *constants, epsilon=layer.epsilon)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    scaled = graph.add("Mul", x.name, graph.constant(scale))
    return graph.add("Add", scaled, graph.constant(beta - mean * scale))


def _prelu(graph: _Graph, layer: Any, x: _Value) -> str:
    alpha = _array(layer.alpha)
    return graph.add("PRelu", x.name, graph.constant(alpha.transpose(2, 0, 1) if x.channels_first else alpha))


def _zero_padding2d(graph: _Graph, layer: Any, x: _Value) -> str:
    _require_channels_last(layer)
    (top, bottom), (left, right) = layer.padding
    return graph.add("Pad", x.name, graph.constant([0, 0, top, left, 0, 0, bottom, right], np.int64))


def _cropping2d(graph: _Graph, layer: Any, x: _Value) -> str:
    _require_channels_last(layer)
    (top, bottom), (left, right) = layer.cropping
    height, width, _ = x.shape
    bounds = [(top, left), (height - bottom, width - right), (2, 3)]
    return graph.add("Slice", x.name, *(graph.constant(bound, np.int64) for bound in bounds))


def _up_sampling2d(graph: _Graph, layer: Any, x: _Value) -> str:
    _require_channels_last(layer)
    if layer.interpolation != "nearest":
        raise _unsupported(layer, f"it has interpolation='{layer.interpolation}'", "interpolation='nearest'")
    nearest = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", x.name, "", graph.constant([1, 1, *layer.size]), mode="nearest", **nearest)


def _require_channels_last(layer: Any) -> None:
    if layer.data_format != "channels_last":
        raise _unsupported(layer, f"it has data_format='{layer.data_format}'", "data_format='channels_last'")


# --- layers that work in either layout ----------------------------------------------------------------------


def _activation(graph: _Graph, layer: Any, x: _Value) -> str:
    return _activate(graph, layer, x.name, x.channel_axis)


def _relu(graph: _Graph, layer: Any, x: _Value) -> str:
    if layer.threshold:
        threshold = graph.constant(layer.threshold)
        shifted = graph.add("Sub", x.name, threshold)
        below = graph.add("Mul", shifted, graph.constant(layer.negative_slope))
        rectified = graph.add("Where", graph.add("Greater", x.name, threshold), x.name, below)
    elif layer.negative_slope:
        rectified = graph.add("LeakyRelu", x.name, alpha=layer.negative_slope)
    else:
        rectified = graph.add("Relu", x.name)
    if layer.max_value is None:
        return rectified
    return graph.add("Min", rectified, graph.constant(layer.max_value))


def _leaky_relu(graph: _Graph, layer: Any, x: _Value) -> str:
    return graph.add("LeakyRelu", x.name, alpha=layer.negative_slope)


def _elu(graph: _Graph, layer: Any, x: _Value) -> str:
    return graph.add("Elu", x.name, alpha=layer.alpha)


def _softmax(graph: _Graph, layer: Any, x: _Value) -> str:
    if layer.axis not in {-1, len(x.shape)}:
        raise _unsupported(layer, f"it has axis={layer.axis}", "the last axis, axis=-1")
    return graph.add("Softmax", x.name, axis=x.channel_axis)


def _merge(operator: str) -> Callable[..., str]:
    """A converter that applies a binary operator to the inputs from left to right."""

    def convert(graph: _Graph, layer: Any, first: _Value, *others: _Value) -> str:
        _require_one_rank(layer, first, *others)
        merged = first.name
        for other in others:
            merged = graph.add(operator, merged, other.name)
        return merged

    return convert


def _average(graph: _Graph, layer: Any, *inputs: _Value) -> str:
    _require_one_rank(layer, *inputs)
    return graph.add("Mean", *(value.name for value in inputs))


def _concatenate(graph: _Graph, layer: Any, *inputs: _Value) -> str:
    rank = len(inputs[0].shape) + 1
    axis = layer.axis % rank
    if axis == 0:
        raise _unsupported(layer, "it joins images with each other (axis=0)", "another axis")
    if inputs[0].channels_first:
        axis = {1: 2, 2: 3, 3: 1}[axis]
    return graph.add("Concat", *(value.name for value in inputs), axis=axis)


def _require_one_rank(layer: Any, *inputs: _Value) -> None:
    if len({len(value.shape) for value in inputs}) > 1:
        shapes = " and ".join(str(value.shape) for value in inputs)
        raise _unsupported(layer, f"it merges shapes of different rank, {shapes}", "Reshape before it")


# --- layers in Keras's order of axes ------------------------------------------------------------------------


def _rescaling(graph: _Graph, layer: Any, x: _Value) -> str:
    scaled = graph.add("Mul", x.name, graph.constant(layer.scale))
    return graph.add("Add", scaled, graph.constant(layer.offset)) if np.any(layer.offset) else scaled


def _reshape(graph: _Graph, layer: Any, x: _Value) -> str:
    shape: tuple[int, ...] = layer.compute_output_shape((None, *x.shape))[1:]
    return graph.add("Reshape", x.name, graph.constant([0, *shape], np.int64))


def _flatten(graph: _Graph, layer: Any, x: _Value) -> str:
    _require_channels_last(layer)
    return graph.add("Flatten", x.name)


def _permute(graph: _Graph, layer: Any, x: _Value) -> str:
    return graph.add("Transpose", x.name, perm=[0, *layer.dims])


def _dense(graph: _Graph, layer: Any, x: _Value) -> str:
    product = graph.add("MatMul", x.name, graph.constant(_array(layer.kernel)))
    for bias in _bias(graph, layer):
        product = graph.add("Add", product, bias)
    return _activate(graph, layer, product, axis=len(x.shape))


def _layer_normalization(graph: _Graph, layer: Any, x: _Value) -> str:
    rank = len(x.shape) + 1
    axes = sorted(axis % rank for axis in layer.axis)
    if axes != list(range(axes[0], rank)) or layer.rms_scaling:
        what = f"it has axis={layer.axis} and rms_scaling={layer.rms_scaling}"
        raise _unsupported(layer, what, "the last axis or axes, and rms_scaling=False")
    shape = x.shape[axes[0] - 1 :]
    gamma = np.ones(shape) if layer.gamma is None else _array(layer.gamma)
    beta = np.zeros(shape) if layer.beta is None else _array(layer.beta)
    constants = [graph.constant(gamma), graph.constant(beta)]
    return graph.add("LayerNormalization", x.name, *constants, axis=axes[0], epsilon=layer.epsilon)


# --- activations --------------------------------------------------------------------------------------------


def _activate(graph: _Graph, layer: Any, x: str, axis: int) -> str:
    """Apply `layer.activation` to the tensor named `x`, whose channels lie along `axis`."""
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if name not in ACTIVATIONS or layer.activation is not getattr(keras.activations, name):
        raise _unsupported(layer, f"of its activation '{name}'", f"one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name](graph, x, axis)


def _operator(name: str, **attributes: float) -> Callable[[_Graph, str, int], str]:
    return lambda graph, x, _axis: graph.add(name, x, **attributes)


ACTIVATIONS: dict[str, Callable[[_Graph, str, int], str]] = {
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


# --- which converter stands for which layer -----------------------------------------------------------------

IMAGE_LAYERS: dict[str, Callable[..., str]] = {
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise_conv2d,
    "SeparableConv2D": _separable_conv2d,
    "MaxPooling2D": _max_pooling2d,
    "AveragePooling2D": _average_pooling2d,
    "GlobalAveragePooling2D": _global_average_pooling2d,
    "GlobalMaxPooling2D": _global_max_pooling2d,
    "BatchNormalization": _batch_normalization,
    "PReLU": _prelu,
    "ZeroPadding2D": _zero_padding2d,
    "Cropping2D": _cropping2d,
    "UpSampling2D": _up_sampling2d,
}
EITHER_LAYERS: dict[str, Callable[..., str]] = {
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "Softmax": _softmax,
    "Add": _merge("Add"),
    "Subtract": _merge("Sub"),
    "Multiply": _merge("Mul"),
    "Maximum": _merge("Max"),
    "Minimum": _merge("Min"),
    "Average": _average,
    "Concatenate": _concatenate,
}
KERAS_ORDER_LAYERS: dict[str, Callable[..., str]] = {
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Permute": _permute,
    "Dense": _dense,
    "LayerNormalization": _layer_normalization,
}
CONVERTERS = IMAGE_LAYERS | EITHER_LAYERS | KERAS_ORDER_LAYERS
# Like every Random… layer, these do nothing when the model predicts.
TRAINING_ONLY = (
    "Identity",
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout2D",
    "AugMix",
    "CutMix",
    "MixUp",
    "RandAugment",
)


def _array(tensor: Any) -> NDArray[np.float32]:
    array: Any = keras.ops.convert_to_numpy(tensor)
    return array
