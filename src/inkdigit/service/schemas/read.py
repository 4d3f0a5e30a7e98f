"""Answers of POST /v1/read."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from inkdigit.service.schemas.digits import ModelVersion, Probability

Layout = Literal["page", "line"]
Box = Annotated[
    list[Annotated[int, Meta(ge=0)]],
    Meta(min_length=4, max_length=4, description="x, y, width, height in pixels of the picture, upright"),
]


class ReadDigit(msgspec.Struct):
    """One digit of a line."""

    digit: Annotated[int, Meta(ge=0, le=9)]
    confidence: Annotated[Probability, Meta(description="the digit's probability")]
    probabilities: Annotated[list[Probability], Meta(min_length=10, max_length=10)]
    box: Box


class ReadLine(msgspec.Struct):
    """Digits side by side, from left to right."""

    text: Annotated[str, Meta(description="the digits, without spaces")]
    digits: list[ReadDigit]


class RejectedInk(msgspec.Struct):
    """Ink that is not read as a digit."""

    box: Box
    reason: str


class ReadPicture(msgspec.Struct, kw_only=True):
    """What is read on one picture or page."""

    page: Annotated[int, Meta(ge=1, description="of a PDF, or of a TIFF with several pages")] | UnsetType = UNSET
    text: Annotated[str, Meta(description="a line of text for each line of digits; empty without digits")]
    lines: list[ReadLine]
    rejected: list[RejectedInk]


class ReadAnswer(msgspec.Struct):
    """One result for each picture or page, in the order sent."""

    model: ModelVersion
    results: list[ReadPicture]
