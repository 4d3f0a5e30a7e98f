"""Models with weights in other files are found, wherever in the model these are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, SparseTensorProto, TensorProto, TrainingInfoProto, helper, numpy_helper

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import NOT_DIGIT_MODEL, ONNX_MODEL, SHIPPED_RUN
from inkdigit.utils.external_data import refuse_external_data
from tests.errors import refused
from tests.onnx_models import linear_model


def external(location: str = "../weights") -> TensorProto:
    """A tensor in another file."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def sparse() -> SparseTensorProto:
    """A sparse tensor whose values are in another file."""
    return SparseTensorProto(values=external(), indices=numpy_helper.from_array(np.zeros(1, np.int64)), dims=[1])


def in_a_branch(model: ModelProto) -> None:
    """The tensor is an initializer of a graph within a graph."""
    branch = helper.make_graph([], "branch", [], [], [external()])
    model.graph.node.append(helper.make_node("If", ["c"], ["x"], then_branch=branch))


def in_a_training(model: ModelProto) -> None:
    """The tensor is an initializer of what trains the model."""
    algorithm = helper.make_graph([], "algorithm", [], [], [external()])
    model.training_info.append(TrainingInfoProto(algorithm=algorithm))


def in_a_function(model: ModelProto) -> None:
    """The tensor is a constant of a function."""
    constant = helper.make_node("Constant", [], ["x"], value=external())
    function = helper.make_function("d", "f", [], ["x"], [constant], [helper.make_opsetid("", 20)])
    function.attribute_proto.append(AttributeProto(name="default", t=numpy_helper.from_array(np.zeros(1))))
    model.functions.append(function)


PLACES: list[Callable[[ModelProto], object]] = [
    lambda model: model.graph.initializer.append(external()),
    lambda model: model.graph.initializer.append(external("")),
    lambda model: model.graph.sparse_initializer.append(sparse()),
    lambda model: model.graph.node.append(helper.make_node("Constant", [], ["x"], value=external())),
    lambda model: model.graph.node.append(helper.make_node("Constant", [], ["x"], sparse_value=sparse())),
    lambda model: model.graph.node.append(helper.make_node("Own", [], ["x"], values=[external()])),
    lambda model: model.training_info.append(
        TrainingInfoProto(algorithm=helper.make_graph([], "", [], [], [external()]))
    ),
    in_a_branch,
    in_a_function,
]


@pytest.mark.parametrize("put", PLACES)
def test_weights_in_another_file_are_refused_wherever_they_are(put: Callable[[ModelProto], object]) -> None:
    model = ModelProto.FromString(linear_model())
    refuse_external_data(model.SerializeToString())
    put(model)
    with refused("model-external-data"):
        refuse_external_data(model.SerializeToString())


@pytest.mark.parametrize("name", [ONNX_MODEL, NOT_DIGIT_MODEL])
def test_the_models_that_ship_are_whole(name: str) -> None:
    refuse_external_data((SHIPPED_RUN / name).read_bytes())


@pytest.mark.parametrize("content", [b"\x0f", b"\x3a\x05abc", b"\x3a" + 12 * b"\xff", b"\x3a\x02\x2a\x7f", b"\x3d1"])
def test_what_is_no_protobuf_is_refused(content: bytes) -> None:
    with refused("model-unreadable"):
        refuse_external_data(content)


def test_graphs_within_graphs_without_end_are_refused() -> None:
    content = b""
    for _ in range(60):  # a graph of a node of an attribute of a graph …
        for key in (6, 5, 1):
            content = bytes([key << 3 | 2]) + _length(content) + content
    with refused("model-unreadable"):
        refuse_external_data(b"\x3a" + _length(content) + content)


def _length(content: bytes) -> bytes:
    size, encoded = len(content), b""
    while size > 0x7F:
        encoded, size = encoded + bytes([size & 0x7F | 0x80]), size >> 7
    return encoded + bytes([size])


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused(content: bytes) -> None:
    with suppress(InkdigitError):  # and no other error
        refuse_external_data(content)
