"""What each Keras layer is in ONNX: a converter a layer, and at the end the tables that name them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.export.onnx_activations import activate
from inkdigit.export.onnx_graph import Graph, Value, array, unsupported

# --- layers on images, (N, channels, height, width) ---------------------------------------------------------


def _conv2d(graph: Graph, layer: Any, x: Value) -> str:
    kernel = array(layer.kernel).transpose(3, 2, 0, 1)
    return activate(graph, layer, _convolve(graph, layer, x, kernel, _bias(graph, layer)), axis=1)


def _depthwise_conv2d(graph: Graph, layer: Any, x: Value) -> str:
    kernel = _depthwise(array(layer.kernel))
    return activate(graph, layer, _convolve(graph, layer, x, kernel, _bias(graph, layer)), axis=1)


def _separable_conv2d(graph: Graph, layer: Any, x: Value) -> str:
    convolved = _convolve(graph, layer, x, _depthwise(array(layer.depthwise_kernel)), [])
    pointwise = graph.constant(array(layer.pointwise_kernel).transpose(3, 2, 0, 1))
    return activate(
        graph, layer, graph.add("Conv", convolved, pointwise, *_bias(graph, layer), kernel_shape=(1, 1)), axis=1
    )


def _convolve(graph: Graph, layer: Any, x: Value, kernel: NDArray[np.float32], bias: list[str]) -> str:
    """kernel: (output channels, input channels of a group, height, width)."""
    _require_channels_last(layer)
    return graph.add(
        "Conv",
        x.name,
        graph.constant(kernel),
        *bias,
        kernel_shape=kernel.shape[2:],  # OpenCV needs it, though the kernel shows it
        strides=layer.strides,
        dilations=layer.dilation_rate,
        group=x.shape[-1] // kernel.shape[1],
        pads=_pads(layer, x, kernel.shape[2:], layer.dilation_rate),
    )


def _bias(graph: Graph, layer: Any) -> list[str]:
    return [graph.constant(array(layer.bias))] if layer.use_bias else []


def _depthwise(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """(height, width, channels, multiplier) -> (channels · multiplier, 1, height, width)."""
    height, width, channels, multiplier = kernel.shape
    return kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)


def _pads(layer: Any, x: Value, window: Sequence[int], dilations: Sequence[int] = (1, 1)) -> list[int]:
    """[top, left, bottom, right]; of an odd number, "same" puts the larger half below and to the right."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    totals = [
        max((math.ceil(size / stride) - 1) * stride + dilation * (extent - 1) + 1 - size, 0)
        for size, stride, dilation, extent in zip(x.shape[:2], layer.strides, dilations, window, strict=True)
    ]
    before = [total // 2 for total in totals]
    return before + [total - first for total, first in zip(totals, before, strict=True)]


def _max_pooling2d(graph: Graph, layer: Any, x: Value) -> str:
    return _pool(graph, "MaxPool", layer, x)


def _average_pooling2d(graph: Graph, layer: Any, x: Value) -> str:
    return _pool(graph, "AveragePool", layer, x)


def _pool(graph: Graph, operator: str, layer: Any, x: Value) -> str:
    _require_channels_last(layer)
    pads = _pads(layer, x, layer.pool_size)
    return graph.add(operator, x.name, kernel_shape=layer.pool_size, strides=layer.strides, pads=pads)


def _global_average_pooling2d(graph: Graph, layer: Any, x: Value) -> str:
    return _global_pool(graph, "GlobalAveragePool", layer, x)


def _global_max_pooling2d(graph: Graph, layer: Any, x: Value) -> str:
    return _global_pool(graph, "GlobalMaxPool", layer, x)


def _global_pool(graph: Graph, operator: str, layer: Any, x: Value) -> str:
    _require_channels_last(layer)
    pooled = graph.add(operator, x.name)
    return pooled if layer.keepdims else graph.add("Flatten", pooled)


def _batch_normalization(graph: Graph, layer: Any, x: Value) -> str:
    if layer.axis not in {-1, len(x.shape)}:
        raise unsupported(layer, f"it has axis={layer.axis}", "the last axis, axis=-1")
    mean, variance = array(layer.moving_mean), array(layer.moving_variance)
    gamma = np.ones_like(mean) if layer.gamma is None else array(layer.gamma)
    beta = np.zeros_like(mean) if layer.beta is None else array(layer.beta)
    if x.channels_first:
        constants = [graph.constant(array) for array in (gamma, beta, mean, variance)]
        return graph.add("BatchNormalization", x.name, *constants, epsilon=layer.epsilon)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    scaled = graph.add("Mul", x.name, graph.constant(scale))
    return graph.add("Add", scaled, graph.constant(beta - mean * scale))


def _prelu(graph: Graph, layer: Any, x: Value) -> str:
    alpha = array(layer.alpha)
    return graph.add("PRelu", x.name, graph.constant(alpha.transpose(2, 0, 1) if x.channels_first else alpha))


def _zero_padding2d(graph: Graph, layer: Any, x: Value) -> str:
    _require_channels_last(layer)
    (top, bottom), (left, right) = layer.padding
    return graph.add("Pad", x.name, graph.constant([0, 0, top, left, 0, 0, bottom, right], np.int64))


def _cropping2d(graph: Graph, layer: Any, x: Value) -> str:
    _require_channels_last(layer)
    (top, bottom), (left, right) = layer.cropping
    height, width, _ = x.shape
    bounds = [(top, left), (height - bottom, width - right), (2, 3)]
    return graph.add("Slice", x.name, *(graph.constant(bound, np.int64) for bound in bounds))


def _up_sampling2d(graph: Graph, layer: Any, x: Value) -> str:
    _require_channels_last(layer)
    if layer.interpolation != "nearest":
        raise unsupported(layer, f"it has interpolation='{layer.interpolation}'", "interpolation='nearest'")
    nearest = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", x.name, "", graph.constant([1, 1, *layer.size]), mode="nearest", **nearest)


def _require_channels_last(layer: Any) -> None:
    if layer.data_format != "channels_last":
        raise unsupported(layer, f"it has data_format='{layer.data_format}'", "data_format='channels_last'")


# --- layers that work in either layout ----------------------------------------------------------------------


def _activation(graph: Graph, layer: Any, x: Value) -> str:
    return activate(graph, layer, x.name, x.channel_axis)


def _relu(graph: Graph, layer: Any, x: Value) -> str:
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


def _leaky_relu(graph: Graph, layer: Any, x: Value) -> str:
    return graph.add("LeakyRelu", x.name, alpha=layer.negative_slope)


def _elu(graph: Graph, layer: Any, x: Value) -> str:
    return graph.add("Elu", x.name, alpha=layer.alpha)


def _softmax(graph: Graph, layer: Any, x: Value) -> str:
    if layer.axis not in {-1, len(x.shape)}:
        raise unsupported(layer, f"it has axis={layer.axis}", "the last axis, axis=-1")
    return graph.add("Softmax", x.name, axis=x.channel_axis)


def _merge(operator: str) -> Callable[..., str]:
    """A converter that applies a binary operator to the inputs from left to right."""

    def convert(graph: Graph, layer: Any, first: Value, *others: Value) -> str:
        _require_one_rank(layer, first, *others)
        merged = first.name
        for other in others:
            merged = graph.add(operator, merged, other.name)
        return merged

    return convert


def _average(graph: Graph, layer: Any, *inputs: Value) -> str:
    _require_one_rank(layer, *inputs)
    return graph.add("Mean", *(value.name for value in inputs))


def _concatenate(graph: Graph, layer: Any, *inputs: Value) -> str:
    rank = len(inputs[0].shape) + 1
    axis = layer.axis % rank
    if axis == 0:
        raise unsupported(layer, "it joins images with each other (axis=0)", "another axis")
    if inputs[0].channels_first:
        axis = {1: 2, 2: 3, 3: 1}[axis]
    return graph.add("Concat", *(value.name for value in inputs), axis=axis)


def _require_one_rank(layer: Any, *inputs: Value) -> None:
    if len({len(value.shape) for value in inputs}) > 1:
        shapes = " and ".join(str(value.shape) for value in inputs)
        raise unsupported(layer, f"it merges shapes of different rank, {shapes}", "Reshape before it")


# --- layers in Keras's order of axes ------------------------------------------------------------------------


def _rescaling(graph: Graph, layer: Any, x: Value) -> str:
    scaled = graph.add("Mul", x.name, graph.constant(layer.scale))
    return graph.add("Add", scaled, graph.constant(layer.offset)) if np.any(layer.offset) else scaled


def _reshape(graph: Graph, layer: Any, x: Value) -> str:
    shape: tuple[int, ...] = layer.compute_output_shape((None, *x.shape))[1:]
    return graph.add("Reshape", x.name, graph.constant([0, *shape], np.int64))


def _flatten(graph: Graph, layer: Any, x: Value) -> str:
    _require_channels_last(layer)
    return graph.add("Flatten", x.name)


def _permute(graph: Graph, layer: Any, x: Value) -> str:
    return graph.add("Transpose", x.name, perm=[0, *layer.dims])


def _dense(graph: Graph, layer: Any, x: Value) -> str:
    product = graph.add("MatMul", x.name, graph.constant(array(layer.kernel)))
    for bias in _bias(graph, layer):
        product = graph.add("Add", product, bias)
    return activate(graph, layer, product, axis=len(x.shape))


def _layer_normalization(graph: Graph, layer: Any, x: Value) -> str:
    rank = len(x.shape) + 1
    axes = sorted(axis % rank for axis in layer.axis)
    if axes != list(range(axes[0], rank)) or layer.rms_scaling:
        what = f"it has axis={layer.axis} and rms_scaling={layer.rms_scaling}"
        raise unsupported(layer, what, "the last axis or axes, and rms_scaling=False")
    shape = x.shape[axes[0] - 1 :]
    gamma = np.ones(shape) if layer.gamma is None else array(layer.gamma)
    beta = np.zeros(shape) if layer.beta is None else array(layer.beta)
    constants = [graph.constant(gamma), graph.constant(beta)]
    return graph.add("LayerNormalization", x.name, *constants, axis=axes[0], epsilon=layer.epsilon)


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
