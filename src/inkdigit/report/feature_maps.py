"""An exported model and an image -> the filters of its first convolution, and the feature maps of all convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkdigit.utils.onnx_session import onnx_session

MAX_MAPS = 12  # kept of each convolution
MAX_STAGES = 6  # convolutions kept


class FeatureMaps(NamedTuple):
    """The feature maps that one convolution passes to the next, for one image.

    Attributes:
        layer: Keras name of the convolution.
        channels: Number of maps that it makes.
        maps: (K, height, width) float32, K ≤ 12: the maps with the most contrast, in the model's order, after the
            activation, normalisation and pooling that follow the convolution.
    """

    layer: str
    channels: int
    maps: NDArray[np.float32]


@dataclass(frozen=True)
class Convolutions:
    """Filters and feature maps of a model, for one image.

    Attributes:
        filters: (F, height, width) float32, the kernels that are applied to the image itself; F = 0 if there are none.
        responses: (F, height, width) float32, the output of each of these kernels, before activation.
        stages: At most 6 convolutions, in the model's order; empty for a model without convolutions.
    """

    filters: NDArray[np.float32]
    responses: NDArray[np.float32]
    stages: list[FeatureMaps]


def convolutions(model: bytes, image: NDArray[np.uint8]) -> Convolutions:
    """Run an exported model on one image and keep the outputs of its convolutions.

    Args:
        model: An ONNX file as `inkdigit.export.onnx` writes it. It is the same for every Keras backend.
        image: (28, 28) uint8.
    """
    import onnx
    from onnx import numpy_helper

    proto = onnx.load_from_string(model)
    nodes = list(proto.graph.node)
    values = _all_values(proto, image)
    filters = responses = np.zeros((0, 1, 1), np.float32)
    first = next((node for node in nodes if node.op_type == "Conv"), None)
    if first is not None and values[first.input[0]].shape[1] == 1:
        kernels = {tensor.name: tensor for tensor in proto.graph.initializer}[first.input[1]]
        filters, responses = numpy_helper.to_array(kernels)[:, 0], values[first.output[0]][0]
    stages = _stages(nodes, values)
    shown = np.unique(np.linspace(0, len(stages) - 1, min(len(stages), MAX_STAGES)).astype(int))
    return Convolutions(filters, responses, [_most_contrast(*stages[i]) for i in shown])


def _all_values(proto: Any, image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """The output of every node, by name. Adds these outputs to `proto`."""
    import onnx

    final = proto.graph.output[0].name
    names = [name for node in proto.graph.node for name in node.output]
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name != final)
    session = onnx_session(proto.SerializeToString())
    return dict(zip(names, session.run(names, {"pixels": image[None]}), strict=True))


def _stages(nodes: list[Any], values: dict[str, NDArray[np.float32]]) -> list[tuple[str, NDArray[np.float32]]]:
    """Each convolutional layer's name, and the last (C, height, width) value before the next convolution.

    Of several networks side by side, as cross-validation makes them, only the first one's.
    """
    stages: list[tuple[str, NDArray[np.float32]]] = []
    convolved: set[str] = set()  # values that depend on the first convolution
    inside = False  # between a convolution and the node that reorders its maps for another kind of layer
    for node in nodes:
        if stages and convolved.isdisjoint(node.input):
            continue
        value, layer = values[node.output[0]], node.name.rpartition("/")[0]
        if node.op_type == "Conv" and not (stages and stages[-1][0] == layer):
            stages.append((layer, value[0]))
            inside = True
        elif node.op_type == "Transpose":
            inside = False
        elif inside and value.ndim == 4 and value[0, 0].size > 1:
            stages[-1] = (stages[-1][0], value[0])
        if stages:
            convolved.update(node.output)
    return stages


def _most_contrast(layer: str, maps: NDArray[np.float32]) -> FeatureMaps:
    strongest = np.argsort(-maps.std(axis=(1, 2)), kind="stable")[:MAX_MAPS]
    return FeatureMaps(layer, len(maps), maps[np.sort(strongest)])
