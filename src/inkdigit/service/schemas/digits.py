"""Requests and answers of POST /v1/digits."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from inkdigit.service.schemas.pixels import Picture, Pixel, Several

Probability = Annotated[float, Meta(ge=0, le=1)]
Base64 = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]


class OnePicture(msgspec.Struct, forbid_unknown_fields=True):
    """Pixels of one digit, which the model gets as they are."""

    pixels: Picture[Pixel]


class Pictures(msgspec.Struct, forbid_unknown_fields=True):
    """Pixels of several digits."""

    pixels: Several[Picture[Pixel]]


class OtherPictures(msgspec.Struct, forbid_unknown_fields=True):
    """Pixels in another shape, or as floats."""

    pixels: list[Any]


class Encoded(msgspec.Struct, forbid_unknown_fields=True):
    """A picture file in base64."""

    image: Base64


class Digit(msgspec.Struct):
    """The digit that one image shows."""

    digit: Annotated[int, Meta(ge=0, le=9, description="the most probable digit")]
    confidence: Annotated[Probability, Meta(description="its probability")]
    probabilities: Annotated[
        list[Probability], Meta(min_length=10, max_length=10, description="calibrated, of the digits 0 to 9")
    ]
    input_png: (
        Annotated[Base64, Meta(description="with show=input: the 28×28 pixels that the model saw")] | UnsetType
    ) = UNSET


class NoDigit(msgspec.Struct):
    """An image on which nothing is drawn."""

    digit: None
    reason: Annotated[str, Meta(description="a sentence that says so")]


class ModelVersion(msgspec.Struct):
    """The model that answered."""

    name: str
    version: str


class Answer(msgspec.Struct):
    """One result for each image, in the order sent."""

    model: ModelVersion
    results: list[Any]  # of Digit and NoDigit
