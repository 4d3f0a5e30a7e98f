"""Requests of TensorFlow Serving's REST API. Images stay raw JSON, since they come in several forms."""

from __future__ import annotations

import msgspec
from msgspec import Raw

SIGNATURE = "serving_default"


class PredictRequest(msgspec.Struct):
    """A request to predict: instances in row format or inputs in column format."""

    signature_name: str = SIGNATURE
    instances: Raw = Raw()
    inputs: Raw = Raw()


class NamedPixels(msgspec.Struct, forbid_unknown_fields=True):
    """The model's one input by its name."""

    pixels: Raw


class EncodedFile(msgspec.Struct, forbid_unknown_fields=True):
    """Bytes as TensorFlow Serving writes them in JSON: here a picture file."""

    b64: str
