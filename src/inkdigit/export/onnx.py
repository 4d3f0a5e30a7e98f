"""Keras -> ONNX. A model that predicts differently after the conversion is not written.

The graph of the Keras model is walked layer by layer; each layer writes its ONNX nodes through its converter in
`onnx_layers`. ONNX convolves (N, channels, height, width), Keras (N, height, width, channels): the walk brings the
inputs of a layer into the order that its table asks for, so that converters need not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import MIN_PROBABILITY, Calibration, calibrate
from inkdigit.export.onnx_graph import Graph, Value, array, unsupported
from inkdigit.export.onnx_layers import CONVERTERS, IMAGE_LAYERS, KERAS_ORDER_LAYERS, TRAINING_ONLY
from inkdigit.export.tta import SHIFTS, shifted_copies
from inkdigit.recognizer import Recognizer
from inkdigit.utils.files import atomic

OPSET, IR_VERSION = 20, 9  # the first opset with Gelu; ONNX Runtime reads both since 1.17
PARITY_IMAGES = 1000  # real images are enough for the parity gate
TOLERANCE = 1e-4  # largest difference of a probability that float32 rounding may explain
TIE = 1e-5  # two digits closer than this are equally probable: either may come first
KERAS_BATCH = 250  # images per call of the Keras model: bounds the memory


def export_onnx(
    model: keras.Model,
    path: Path,
    images: NDArray[np.uint8],
    calibration: Calibration | None = None,
    *,
    tta: bool = False,
) -> None:
    """Write a model as ONNX, unless it then predicts differently.

    Args:
        model: in float32.
        path: of the ONNX file.
        images: (N, 28, 28) uint8, N > 0, to compare predictions on; a thousand real digits are enough.
        calibration: see `to_onnx`.
        tta: see `to_onnx`.

    Raises:
        InkdigitError: The model cannot be converted, a probability differs by more than 1e-4, or another digit is the
            most probable one. Nothing is written.
    """
    converted = to_onnx(model, calibration, tta=tta)
    expected, actual = _predictions(converted, model, images, calibration, tta=tta)
    difference = _largest_difference(expected, actual)
    moved = _moved_digits(expected, actual)
    if not difference <= TOLERANCE or moved:  # a NaN is not <= anything
        raise InkdigitError(
            f"{path} was not written: as ONNX, the model '{model.name}' differs from Keras by up to "
            f"{difference:.1e} in a probability (allowed: {TOLERANCE:.0e}) and predicts another digit for "
            f"{moved} of {len(images)} images, so a layer was not converted faithfully; please report it.",
            code="onnx-differs",
        )
    with atomic(path) as temporary:
        temporary.write_bytes(converted)


def parity(
    onnx_bytes: bytes,
    model: keras.Model,
    images: NDArray[np.uint8],
    calibration: Calibration | None = None,
    *,
    tta: bool = False,
) -> float:
    """Measure the largest difference of any probability between ONNX Runtime and Keras in float32.

    Args:
        onnx_bytes: the converted model.
        model: the Keras model.
        images: (N, 28, 28) uint8, N > 0.
        calibration: as in the conversion; Keras's probabilities get it too.
        tta: as in the conversion.
    """
    return _largest_difference(*_predictions(onnx_bytes, model, images, calibration, tta=tta))


def to_onnx(model: keras.Model, calibration: Calibration | None = None, *, tta: bool = False) -> bytes:
    """Convert a Keras model to ONNX.

    Args:
        model: in float32, from (N, 28, 28) pixels to ten probabilities.
        calibration: is applied to the probabilities.
        tta: whether the probabilities are the mean over an image's shifted copies (`inkdigit.export.tta`).

    Returns:
        The bytes of an ONNX file that takes `pixels` (N, 28, 28) uint8 and gives `probabilities` (N, 10) float32, for
        any N.

    Raises:
        InkdigitError: A layer, which it names, cannot be converted.
    """
    functional = _functional(model)
    _check_ends(functional)
    graph = Graph()
    pixels = graph.add("Cast", "pixels", to=TensorProto.FLOAT)
    if tta:
        pixels = _shifted_batch(graph, pixels)
    (output,) = convert(graph, functional, [Value(pixels, (28, 28))])
    _finish(graph, model, output, calibration, tta=tta)
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


# --- the comparison -----------------------------------------------------------------------------------------------


def _predictions(
    onnx_bytes: bytes, model: keras.Model, images: NDArray[np.uint8], calibration: Calibration | None, *, tta: bool
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Keras's probabilities, calibrated, and ONNX Runtime's: two (N, 10) arrays."""
    # A copy on the CPU: a GPU may multiply float32 in TF32, whose rounding alone would exceed the tolerance.
    with keras.device("cpu"):
        twin = keras.models.clone_model(model)
        twin.set_weights(model.get_weights())
        means = [
            np.mean([array(twin(view, training=False)) for view in (shifted_copies(chunk) if tta else [chunk])], axis=0)
            for chunk in (images[start : start + KERAS_BATCH] for start in range(0, len(images), KERAS_BATCH))
        ]
    expected = np.concatenate(means).astype(np.float64)
    if calibration is not None:
        expected = calibrate(expected, calibration)
    return expected, Recognizer(onnx_bytes).predict_proba(images)


def _largest_difference(expected: NDArray[np.float64], actual: NDArray[np.float32]) -> float:
    return float(np.abs(expected - actual).max())


def _moved_digits(expected: NDArray[np.float64], actual: NDArray[np.float32]) -> int:
    """How many rows have another most probable digit, ties aside."""
    rows = np.arange(len(expected))
    return int(np.sum(expected.max(axis=1) - expected[rows, actual.argmax(axis=1)] > TIE))


# --- the walk -----------------------------------------------------------------------------------------------


def _functional(model: keras.Model) -> Any:
    """The graph of layers behind a Sequential or functional model."""
    functional = getattr(model, "_functional", None) if isinstance(model, keras.Sequential) else model
    if not hasattr(functional, "_nodes_by_depth"):
        raise InkdigitError(
            f"the model '{model.name}' has no graph of layers to export: `build` must return "
            "keras.Model(inputs, outputs), or a keras.Sequential that starts with "
            "keras.Input((28, 28), dtype='uint8').",
            code="model-without-graph",
        )
    return functional


def _check_ends(functional: Any) -> None:
    inputs = [tuple(tensor.shape) for tensor in functional.inputs]
    outputs = [tuple(tensor.shape) for tensor in functional.outputs]
    if inputs != [(None, 28, 28)] or outputs != [(None, 10)]:
        taken, given = (" and ".join(map(str, shapes)) for shapes in (inputs, outputs))
        raise InkdigitError(
            f"the model '{functional.name}' goes from {taken} to {given}: `build` must return one that goes "
            "from (None, 28, 28) uint8 pixels to (None, 10) probabilities.",
            code="model-shape",
        )


def convert(graph: Graph, functional: Any, inputs: Sequence[Value]) -> list[Value]:
    """Convert every layer after those it takes its inputs from; return the model's outputs."""
    values = {id(tensor): value for tensor, value in zip(functional.inputs, inputs, strict=True)}
    by_depth: dict[int, list[Any]] = functional._nodes_by_depth
    for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
        if node.is_input:
            continue
        ready = [values[id(tensor)] for tensor in node.input_tensors]
        if isinstance(node.operation, keras.Model):
            results = convert(graph, _functional(node.operation), ready)
        else:
            graph.layer = node.operation.name
            results = [_convert_layer(graph, node.operation, ready, _shape(node))]
        values |= {id(tensor): value for tensor, value in zip(node.output_tensors, results, strict=True)}
    return [values[id(tensor)] for tensor in functional.outputs]


def _shape(node: Any) -> tuple[int, ...]:
    shape = tuple(node.output_tensors[0].shape)
    if None in shape[1:]:
        raise unsupported(node.operation, f"its output {shape} has no fixed size", "inputs of a fixed size")
    return shape[1:]


def _convert_layer(graph: Graph, layer: Any, inputs: list[Value], shape: tuple[int, ...]) -> Value:
    """Write one layer's nodes; its inputs are brought into the layout that its table promises."""
    kind = type(layer).__name__
    trains_only = kind in TRAINING_ONLY or kind.startswith("Random")
    convertible = (trains_only and shape == inputs[0].shape) or kind in CONVERTERS
    # The very class of that name: a subclass, or the operator behind `x + y`, may compute something else.
    if not convertible or type(layer) is not getattr(keras.layers, kind, None):
        raise InkdigitError(
            f"the layer '{layer.name}' ({kind}) cannot be exported to ONNX: build the model from the "
            f"keras.layers that act in training only and from {', '.join(CONVERTERS)}.",
            code="layer-unsupported",
        )
    if layer.dtype_policy.name != "float32":
        raise unsupported(layer, f"its dtype is {layer.dtype_policy.name}", "float32")
    if trains_only:
        return inputs[0]
    if kind in IMAGE_LAYERS:
        inputs = [graph.channels_first(value) for value in inputs]
    elif kind in KERAS_ORDER_LAYERS or not all(value.channels_first for value in inputs):
        inputs = [graph.keras_order(value) for value in inputs]
    name = CONVERTERS[kind](graph, layer, *inputs)
    return Value(name, shape, inputs[0].channels_first and len(shape) == 3)


def _shifted_batch(graph: Graph, pixels: str) -> str:
    """Write one batch (5 N, 28, 28) of the images and their shifted copies, so that each node is there once."""
    graph.layer = "views"
    wide = graph.add("Pad", pixels, graph.constant([0, 1, 1, 0, 1, 1], np.int64))
    axes = graph.constant([1, 2], np.int64)
    moved: list[str] = []
    for move in SHIFTS:
        start, end = ([edge - pixels for pixels in move] for edge in (1, 29))
        moved.append(graph.add("Slice", wide, graph.constant(start, np.int64), graph.constant(end, np.int64), axes))
    return graph.add("Concat", *moved, axis=0)


def _softmaxes(graph: Graph) -> set[str]:
    return {node.output[0] for node in graph.nodes if node.op_type == "Softmax"}


def _finish(graph: Graph, model: keras.Model, output: Value, calibration: Calibration | None, *, tta: bool) -> None:
    """Write the mean over the shifted copies, the calibration, and the output's name.

    The model ends in a softmax, or in the average of several networks' probabilities.
    """
    last = graph.nodes.pop()
    softmax = last.op_type == "Softmax" and last.output[0] == output.name
    if softmax and not tta:
        logits = last.input[0]
    elif softmax or (last.op_type == "Mean" and set(last.input) <= _softmaxes(graph)):
        graph.nodes.append(last)
        probabilities = output.name
        if tta:
            graph.layer = "views"
            parted = graph.add("Reshape", probabilities, graph.constant([len(SHIFTS), -1, 10], np.int64))
            probabilities = graph.add("ReduceMean", parted, graph.constant([0], np.int64), keepdims=0)
        logits = graph.add("Log", graph.add("Max", probabilities, graph.constant(MIN_PROBABILITY)))
    else:
        raise InkdigitError(
            f"the model '{model.name}' does not end in a softmax: the last layer that `build` adds must be "
            "keras.layers.Dense(10, activation='softmax') or keras.layers.Softmax().",
            code="model-without-softmax",
        )
    if calibration is not None:
        graph.layer = "calibration"
        highest = graph.add("ReduceMax", logits, graph.constant([-1], np.int64), keepdims=1)
        deficit = graph.add("Mul", graph.add("Sub", highest, logits), graph.constant(1 / calibration.temperature))
        logits = graph.add("Neg", graph.add("Pow", deficit, graph.constant(calibration.power)))
    graph.nodes.append(helper.make_node("Softmax", [logits], ["probabilities"], "probabilities", axis=-1))
