"""The bytes of an ONNX file -> whether it takes weights from other files, which no checksum covers.

ONNX is a protobuf: a message is a row of fields, each a key (its number and how it is encoded) and a value. Only what
leads to tensors is looked at. The package `onnx` would do this, and is not part of the core.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from inkdigit.errors import InkdigitError

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5  # how a field is encoded
_MAX_DEPTH = 100  # messages within each other, as protobuf's own readers allow
_EXTERNAL = frozenset({13, 14})  # a tensor's fields external_data and data_location

# By message: the fields that lead to tensors, and the message each of them holds.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


def refuse_external_data(model: bytes) -> None:
    """Raise InkdigitError for the bytes of an ONNX model that takes weights from other files, or of no model."""
    try:
        external = _has_external_data(model)
    except ValueError as error:
        raise InkdigitError(f"The model is not an ONNX file: {error}.", code="model-unreadable") from None
    if external:
        raise InkdigitError(
            "The model takes weights from other files: save it as one file, without external data.",
            code="model-external-data",
        )


def _has_external_data(model: bytes) -> bool:
    """Whether any tensor is, or may be, in another file. Raises ValueError for what is not a protobuf message."""
    messages: list[tuple[str, Any, int]] = [("model", memoryview(model), 0)]
    while messages:
        kind, content, depth = messages.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("it has too many messages within each other")
        for number, value in _fields(content):
            if kind == "tensor":
                if number in _EXTERNAL and value != 0:
                    return True
            elif (inner := _FIELDS[kind].get(number)) and not isinstance(value, int):
                messages.append((inner, value, depth + 1))
    return False


def _fields(content: memoryview) -> Generator[tuple[int, int | memoryview]]:
    """Each field's number and value: an integer, or its bytes."""
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        encoding, size = key & 7, 0
        if encoding == _VARINT:
            value, position = _varint(content, position)
            yield key >> 3, value
            continue
        if encoding == _LENGTH:
            size, position = _varint(content, position)
        elif encoding in {_FOUR_BYTES, _EIGHT_BYTES}:
            size = 4 if encoding == _FOUR_BYTES else 8
        else:
            raise ValueError(f"its byte {position} is not the beginning of a field")
        if position + size > len(content):
            raise ValueError("it ends within a field")
        yield key >> 3, content[position : position + size]
        position += size


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    """An integer of seven bits a byte, the lowest first, and the position after it."""
    value = shift = 0
    while position < len(content):
        byte = content[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
        if shift > 63:
            break
    raise ValueError(f"the integer that ends at byte {position} is cut short")
