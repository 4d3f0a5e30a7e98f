"""Requests of the Open Inference Protocol, version 2. Pixels stay raw JSON, nested or flat."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

HEADER = "Inference-Header-Content-Length"  # the bytes of JSON that a body begins with; binary tensors follow

Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Parameters = dict[str, Any]  # those that nobody knows are passed over; null is the same as none


class InputTensor(msgspec.Struct):
    """A tensor that is sent."""

    name: str
    shape: list[Size]
    datatype: str
    parameters: Parameters | None = None
    data: Raw = Raw()


class RequestedOutput(msgspec.Struct):
    """A tensor that is asked for."""

    name: str
    parameters: Parameters | None = None


class InferRequest(msgspec.Struct):
    """A request for the model's output."""

    inputs: list[InputTensor]
    outputs: list[RequestedOutput] | None = None
    parameters: Parameters | None = None
    id: str | None = None
