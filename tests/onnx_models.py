"""Models small enough to check by hand, as ONNX files, made without Keras."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

WEIGHTS = np.random.default_rng(1).normal(0, 0.002, (784, 10)).astype(np.float32)


def linear_model(weights: NDArray[np.float32] = WEIGHTS) -> bytes:
    """A model of softmax(pixels · weights)."""
    return _model([], weights, {})


def constant_model(digit: int) -> bytes:
    """A model that predicts `digit` for every image, with certainty."""
    bias = np.zeros(10, np.float32)
    bias[digit] = 100
    return _model([helper.make_node("Add", ["product", "bias"], ["logits"])], 0 * WEIGHTS, {"bias": bias})


def slow_model(products: int) -> bytes:
    """The linear model after a number of products of large matrices: about 10 ms each, whatever the batch."""
    names = [f"large{place}" for place in range(products + 1)]
    nodes = [
        # It depends on the input, or ONNX Runtime would compute it only once.
        helper.make_node("ReduceMax", ["product"], ["greatest"], keepdims=0),
        helper.make_node("Mul", ["greatest", "zero"], ["nothing"]),
        helper.make_node("Add", ["large", "nothing"], [names[0]]),
        *(helper.make_node("MatMul", [name, "large"], [after]) for name, after in itertools.pairwise(names)),
        helper.make_node("ReduceMax", [names[-1]], ["of all"], keepdims=0),
        helper.make_node("Mul", ["of all", "zero"], ["no more"]),
        helper.make_node("Add", ["product", "no more"], ["logits"]),
    ]
    return _model(nodes, WEIGHTS, {"large": np.full((1000, 1000), 1e-3, np.float32), "zero": np.float32(0)})


def _model(
    nodes: list[NodeProto], weights: NDArray[np.float32], more: dict[str, NDArray[np.float32] | np.float32]
) -> bytes:
    """A model of softmax(`logits`), which `nodes` compute from `product`, pixels · weights."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["float"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["product"]),
            *nodes,
            helper.make_node("Softmax", ["logits" if nodes else "product"], ["probabilities"], axis=-1),
        ],
        "made by hand",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in ({"weights": weights} | more).items()],
    )
    opset = helper.make_opsetid("", 20)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
