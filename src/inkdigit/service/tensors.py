"""Pixels as JSON numbers or as raw bytes -> (N, 28, 28) uint8; where they are neither, a sentence that says why."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from inkdigit.service.batching import Images
from inkdigit.service.problems import Problem

WANTED = "An image is 28 rows of 28 pixels or all 784 in one, each a whole number from 0 (paper) to 255 (ink)."
DEPTH = re.compile(rb"\s*\[\s*((?:\[\s*){0,3})")  # the brackets that an image begins with, in a list of images

# The types of the Open Inference Protocol that can hold pixels, little-endian.
DTYPES = {
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}

Number = TypeVar("Number")
Pixel = Annotated[int, Meta(ge=0, le=255)]
Whole = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]  # takes longer than Pixel: only where a number is 7.0
Row = Annotated[list[Number], Meta(min_length=28, max_length=28)]
Picture = Annotated[
    list[Row[Number]], Meta(min_length=28, max_length=28, description="28 rows of 28 pixels, ink bright")
]
Flat = Annotated[list[Number], Meta(min_length=784, max_length=784)]
Channel = Annotated[list[Number], Meta(min_length=1, max_length=1)]
Several = Annotated[list[Number], Meta(min_length=1)]

# By the brackets that an image begins with: 784 numbers, 28×28, or 28×28×1.
IMAGES = {
    1: (msgspec.json.Decoder(Several[Flat[Pixel]]), msgspec.json.Decoder(Several[Flat[Whole]])),
    2: (msgspec.json.Decoder(Several[Picture[Pixel]]), msgspec.json.Decoder(Several[Picture[Whole]])),
    3: (msgspec.json.Decoder(Several[Picture[Channel[Pixel]]]), msgspec.json.Decoder(Several[Picture[Channel[Whole]]])),
}
NUMBERS = msgspec.json.Decoder(list[Pixel]), msgspec.json.Decoder(list[Whole])


def decode(decoder: msgspec.json.Decoder[Any], body: bytes, field: str = "", hint: str = "") -> Any:
    """A JSON document of the decoder's type. Raises Problem 422, or 400 where it is no JSON.

    field: where in the request the document stands. hint: a sentence on what it should be.
    """
    try:
        if not body.isascii():
            body.decode()  # the decoder does not look at what it has no use for
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        sentence, _, place = str(error).partition(" - at `$")
        where = (field + place.rstrip("`")).lstrip(".")
        detail = f"{sentence[:200]}. {hint}".rstrip()  # it may quote a name, of any length
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field=where or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.", field="body") from None


def images(document: bytes, field: str) -> Images:
    """A JSON list of images, each 28×28, 28×28×1 or 784 pixels -> (N, 28, 28) uint8. Raises Problem 400 or 422."""
    brackets = DEPTH.match(document)
    depth = brackets[1].count(b"[") if brackets else 0
    return _numbers(IMAGES.get(depth, IMAGES[2]), depth, document, field).reshape(-1, 28, 28)


def flat_images(document: bytes, count: int, field: str) -> Images:
    """A JSON list of count · 784 pixels -> (count, 28, 28) uint8. Raises Problem 400 or 422."""
    pixels = _numbers(NUMBERS, 0, document, field)
    if len(pixels) != count * 784:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"There are {len(pixels)} numbers, and the shape [{count}, 28, 28] has {count * 784}.",
            field=field,
        )
    return pixels.reshape(count, 28, 28)


def binary_images(content: bytes, start: int, datatype: str, field: str) -> Images:
    """The bytes from `start` on, (N, 28, 28) of a type in DTYPES -> the same as uint8. Raises Problem 422."""
    values: NDArray[Any] = np.frombuffer(content, DTYPES[datatype], offset=start).reshape(-1, 28, 28)
    if values.dtype == np.uint8:
        return values
    with np.errstate(invalid="ignore"):  # NaN and the infinities
        pixels = values.astype(np.uint8)
    wrong = np.argwhere(pixels != values)
    if len(wrong):
        place = "".join(f"[{index}]" for index in wrong[0])
        got = values[tuple(wrong[0])]
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"Got {got}. {WANTED}", field=field + place)
    return pixels


def stack(numbers: list[Any], depth: int) -> Images:
    """Lists, `depth` deep within each other, of integers up to 255 -> (N, 28, 28) uint8: in half np.array's time."""
    return np.frombuffer(_pack(numbers, depth), np.uint8).reshape(-1, 28, 28)


def _pack(numbers: list[Any], depth: int) -> bytes:
    if depth == 0:
        return bytes(numbers)
    return b"".join(map(bytes, numbers) if depth == 1 else [_pack(part, depth - 1) for part in numbers])


def _numbers(
    decoders: tuple[msgspec.json.Decoder[Any], ...], depth: int, document: bytes, field: str
) -> NDArray[np.uint8]:
    """The pixels in a document, in a row, by the decoder of integers, or else by that of any whole numbers."""
    integers, wholes = decoders
    try:
        return np.frombuffer(_pack(decode(integers, document, field, WANTED), depth), np.uint8)
    except Problem as problem:
        if "got `float`" not in problem.detail:
            raise
    return np.array(decode(wholes, document, field, WANTED), np.uint8).ravel()
