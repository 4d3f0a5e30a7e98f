"""The types of pixels in JSON: one image as 28 rows, as 784 numbers or with a channel, and lists of images."""

from __future__ import annotations

from typing import Annotated, TypeVar

from msgspec import Meta

Number = TypeVar("Number")
Pixel = Annotated[int, Meta(ge=0, le=255)]
WholeFloat = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]  # slower to check than Pixel: only for numbers as 7.0
Row = Annotated[list[Number], Meta(min_length=28, max_length=28)]
Picture = Annotated[
    list[Row[Number]], Meta(min_length=28, max_length=28, description="28 rows of 28 pixels, ink bright")
]
Flat = Annotated[list[Number], Meta(min_length=784, max_length=784)]
Channel = Annotated[list[Number], Meta(min_length=1, max_length=1)]
Several = Annotated[list[Number], Meta(min_length=1)]
