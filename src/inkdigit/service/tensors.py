"""Pixels as JSON numbers or as raw bytes -> (N, 28, 28) uint8, or a Problem that says what is wrong and where."""

from __future__ import annotations

import re
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.pixel_scale import all_have_ink, has_ink, is_scaled, scaled_sentence
from inkdigit.service.batching import Images
from inkdigit.service.problems import Problem, too_many_images
from inkdigit.service.schemas.pixels import Channel, Flat, Picture, Pixel, Several, WholeFloat

BOM = b"\xef\xbb\xbf"
IMAGE_HINT = "An image is 28 rows of 28 pixels or all 784 in one, each a whole number from 0 (paper) to 255 (ink)."
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

Decoder = msgspec.json.Decoder[Any]
Decoders = tuple[Decoder, Decoder]  # of integers, and of floats that are whole numbers

# By the brackets that an image begins with: 784 numbers, 28×28, or 28×28×1.
IMAGE_DECODERS: dict[int, Decoders] = {
    1: (msgspec.json.Decoder(Several[Flat[Pixel]]), msgspec.json.Decoder(Several[Flat[WholeFloat]])),
    2: (msgspec.json.Decoder(Several[Picture[Pixel]]), msgspec.json.Decoder(Several[Picture[WholeFloat]])),
    3: (
        msgspec.json.Decoder(Several[Picture[Channel[Pixel]]]),
        msgspec.json.Decoder(Several[Picture[Channel[WholeFloat]]]),
    ),
}
FLAT_DECODERS: Decoders = msgspec.json.Decoder(list[Pixel]), msgspec.json.Decoder(list[WholeFloat])


def decode(decoder: Decoder, body: bytes, field: str = "", hint: str = "") -> Any:
    """Decode a JSON document.

    Args:
        decoder: of the type wanted.
        body: the document.
        field: where the document stands in the request.
        hint: a sentence on what the document should be.

    Raises:
        Problem: 422 for JSON of another type, 400 for what is not JSON.
    """
    body = body.removeprefix(BOM)
    try:
        if not body.isascii():
            body.decode()  # the decoder does not check the text that it skips
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        # msgspec gives the place only in its message, as "… - at `$.pixels[3]`".
        sentence, _, place = str(error).partition(" - at `$")
        where = (field + place.rstrip("`")).lstrip(".")
        detail = f"{sentence[:200]}. {hint}".rstrip()  # it may quote a name of any length
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field=where or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.", field="body") from None


def images(document: bytes, limit: int, field: str) -> Images:
    """A JSON list of images, each 28×28, 28×28×1 or 784 pixels -> (N, 28, 28) uint8, N at most `limit`.

    Raises:
        Problem: 400, 413 or 422.
    """
    brackets = DEPTH.match(document)
    depth = brackets[1].count(b"[") if brackets else 0
    check_count(document, limit)
    try:
        return checked(_numbers(IMAGE_DECODERS.get(depth, IMAGE_DECODERS[2]), depth, document, field), field)
    except Problem:
        if depth == 1 and np.shape(_lists(document)) == (28, 28):
            sentence = "This is one image of 28 rows, and a list of images is needed: send [image]."
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, field=field) from None
        raise


def _lists(document: bytes) -> list[Any]:
    """A JSON list of lists; an empty one for ragged ones and anything else."""
    with suppress(msgspec.MsgspecError):
        rows = msgspec.json.decode(document, type=list[list[float]])
        return rows if len({len(row) for row in rows}) == 1 else []
    return []


def check_count(document: bytes, limit: int) -> None:
    """Raise Problem 413 for a JSON document with more numbers than `limit` images have.

    Call it before the document is decoded: that would stop all other requests meanwhile.
    """
    count = -(-_count_numbers(document) // 784)
    if count > limit:
        raise too_many_images(count, limit)


def _count_numbers(document: bytes) -> int:
    """How many numbers lists within lists have, and no others."""
    return document.count(b",") + 1


def flat_images(document: bytes, count: int, field: str) -> Images:
    """A JSON list of count · 784 pixels -> (count, 28, 28) uint8. Raises Problem 400 or 422."""
    found = _count_numbers(document)
    if found <= count * 784:  # for the reason that check_count has
        pixels = _numbers(FLAT_DECODERS, 0, document, field)
        found = len(pixels)
        if found == count * 784:
            return checked(pixels, field)
    raise Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"There are {found} numbers, and the shape [{count}, 28, 28] has {count * 784}.",
        field=field,
    )


def binary_images(content: bytes, start: int, datatype: str, field: str) -> Images:
    """The bytes from `start` on, (N, 28, 28) of a type in DTYPES -> the same as uint8. Raises Problem 422."""
    values: NDArray[Any] = np.frombuffer(content, DTYPES[datatype], offset=start).reshape(-1, 28, 28)
    if values.dtype == np.uint8:
        return checked(values, field)
    with np.errstate(invalid="ignore"):  # NaN and the infinities
        pixels = values.astype(np.uint8)
    wrong = np.argwhere(pixels != values)
    if len(wrong):
        place = "".join(f"[{index}]" for index in wrong[0])
        got = values[tuple(wrong[0])]
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"Got {got}. {IMAGE_HINT}", field=field + place)
    return checked(pixels, field)


def checked(pixels: NDArray[np.uint8], field: str) -> Images:
    """Pixels in a row -> images (N, 28, 28). Raises Problem 422 where they are scaled to 0–1 or 0–16."""
    if is_scaled(pixels):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, scaled_sentence("the images"), field=field)
    return pixels.reshape(-1, 28, 28)


def refuse_blanks(pixels: Images, field: str) -> Images:
    """The same images. Raises Problem 422 where one is blank: the network would take it for a 1."""
    if not all_have_ink(pixels):
        place = f"{field}[{int(has_ink(pixels).argmin())}]"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The image shows no ink: all its pixels are 0.", field=place)
    return pixels


def images_of_any_shape(values: Any, field: str) -> Images | None:
    """Lists of whole numbers from 0 to 255, as one image or several -> (N, 28, 28) uint8; None for anything else.

    Shapes: (28, 28), (28, 28, 1), (784,) and lists of these. Raises Problem 422 where they are scaled.
    """
    try:
        numbers = np.array(values, np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    if numbers.ndim > 4 or not _ends_as_image(numbers.shape) or isinstance(values, str) or not numbers.size:
        return None
    pixels = numbers.clip(0, 255).astype(np.uint8)
    return checked(pixels, field) if (pixels == numbers).all() else None


def _ends_as_image(shape: tuple[int, ...]) -> bool:
    return any(shape[-len(end) :] == end and len(shape) - len(end) <= 1 for end in ((28, 28), (784,), (28, 28, 1)))


def stack(numbers: list[Any], depth: int, field: str) -> Images:
    """Lists of integers from 0 to 255, nested `depth` deep -> (N, 28, 28) uint8, in half of np.array's time.

    Raises:
        Problem: 422 where they are scaled.
    """
    return checked(np.frombuffer(_pack(numbers, depth), np.uint8), field)


def _pack(numbers: list[Any], depth: int) -> bytes:
    if depth == 0:
        return bytes(numbers)
    return b"".join(map(bytes, numbers) if depth == 1 else [_pack(part, depth - 1) for part in numbers])


def _numbers(decoders: Decoders, depth: int, document: bytes, field: str) -> NDArray[np.uint8]:
    """The pixels in a document, in a row. The slower decoder only where a number may be a float, such as 7.0 or 1e2."""
    integers, whole_floats = decoders
    if not any(mark in document for mark in (b".", b"e", b"E")):
        return np.frombuffer(_pack(decode(integers, document, field, IMAGE_HINT), depth), np.uint8)
    return np.array(decode(whole_floats, document, field, IMAGE_HINT), np.uint8).ravel()
