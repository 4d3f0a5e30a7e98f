"""Our own face: POST /v1/digits takes pictures or pixels and answers with digits."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import re
import struct
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from PIL import Image
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.errors import InkdigitError
from inkdigit.imaging.prepare import NoInkError, prepare
from inkdigit.service.app import Service, guarded
from inkdigit.service.batching import Images, Probabilities
from inkdigit.service.models import NAME
from inkdigit.service.problems import Problem

PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/bmp": "BMP"}
DEPTH = re.compile(rb'"pixels"\s*:\s*((?:\[\s*){0,4})')
SMALL = 640 * 640  # pixels: a picture that is prepared sooner than a thread would take it up

Pixel = Annotated[int, Meta(ge=0, le=255)]
Row = Annotated[list[Pixel], Meta(min_length=28, max_length=28)]
Picture = Annotated[list[Row], Meta(min_length=28, max_length=28, description="28 rows of 28 pixels, ink bright")]


class OnePicture(msgspec.Struct, forbid_unknown_fields=True):
    """Pixels of one digit, which the model gets as they are."""

    pixels: Picture


class Pictures(msgspec.Struct, forbid_unknown_fields=True):
    """Pixels of several digits."""

    pixels: Annotated[list[Picture], Meta(min_length=1)]


class Encoded(msgspec.Struct, forbid_unknown_fields=True):
    """A picture file in base64."""

    image: str


ONE, MANY, ENCODED = (msgspec.json.Decoder(kind) for kind in (OnePicture, Pictures, Encoded))


@dataclass(frozen=True)
class Blank:
    """A picture without ink, and the sentence that says so."""

    reason: str


Prepared = NDArray[np.uint8] | Blank


def routes(service: Service) -> list[Route]:
    """The one route."""
    service_pool = ThreadPoolExecutor(2, "pictures")  # large pictures, beside the event loop

    async def digits(service: Service, request: Request) -> Response:
        return await answer(service, request, service_pool)

    return [Route("/v1/digits", guarded(service, digits), methods=["POST"])]


async def answer(service: Service, request: Request, pool: ThreadPoolExecutor) -> Response:
    """Read the request, whatever form it has; answer with one result an image."""
    service.batcher.admit(1)  # before anything is read
    show = _show(request)
    body = await service.bodies.read(request.headers, request.receive)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        content = _decode_json(body)
        images = content if isinstance(content, np.ndarray) else await _prepare([content], service, pool, ["image"])
    elif kind in PICTURES:
        images = await _prepare([body], service, pool, ["body"])
    elif kind == "multipart/form-data":
        names, files = await _files(request, body, service.settings.max_images)
        images = await _prepare(files, service, pool, names)
    else:
        known = ", ".join([*PICTURES, "application/json", "multipart/form-data"])
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type is {kind or 'missing'}: send one of {known}.")
    if len(images) > service.settings.max_images:
        raise too_many(len(images), service.settings.max_images)
    model = service.models.current
    seen = [image for image in images if not isinstance(image, Blank)]
    stack = images if isinstance(images, np.ndarray) else np.stack(seen) if seen else None
    nothing = np.empty((0, 10), np.float32)
    found = nothing if stack is None else await service.predict(model, stack, request.receive)
    service.metrics.digits.labels("blank").inc(len(images) - len(seen))
    return Response(_encode(str(model.version), images, found, show=show), media_type="application/json")


def too_many(count: int, limit: int) -> Problem:
    """More images than one request may have."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The request has {count} images, and at most {limit} are taken: send them in parts.",
        setting="max_images",
    )


def _show(request: Request) -> bool:
    if not request.url.query:
        return False
    values = request.query_params.getlist("show")
    if values not in ([], ["input"]) or set(request.query_params) - {"show"}:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The only parameter is show=input.", field="show")
    return bool(values)


def _decode_json(body: bytes) -> Images | bytes:
    """The pixels (N, 28, 28) uint8 of a JSON body, or the picture file in it. Raises Problem 400 or 422."""
    depth = DEPTH.search(body)
    decoder = ENCODED if depth is None else MANY if depth[1].count(b"[") > 2 else ONE
    try:
        content = decoder.decode(body)
    except msgspec.ValidationError as error:
        sentence, _, place = str(error).partition(" - at `$")
        field = place.strip("`.") or None
        if "image" in sentence and depth is None:
            sentence, field = "The object has neither pixels nor image: give one of the two", None
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{sentence}.", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.", field="body") from None
    if isinstance(content, Encoded):
        try:
            return base64.b64decode(content.image, validate=True)
        except (binascii.Error, ValueError):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The image is not base64.", field="image") from None
    pictures = [content.pixels] if isinstance(content, OnePicture) else content.pixels
    flat = b"".join([bytes(row) for picture in pictures for row in picture])
    return np.frombuffer(flat, np.uint8).reshape(-1, 28, 28)


async def _files(request: Request, body: bytes, limit: int) -> tuple[list[str], list[bytes]]:
    """Names and contents of the files in a multipart body, in the order sent. Raises Problem."""

    async def stream() -> AsyncGenerator[bytes]:
        yield body

    try:
        form = await MultiPartParser(request.headers, stream(), max_files=limit, max_fields=0).parse()
    except MultiPartException as error:
        if "Maximum number of files" in error.message:
            raise too_many(limit + 1, limit) from None
        sentence = "Only files are taken" if "fields" in error.message else error.message.rstrip(".")
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{sentence}.", field="body") from None
    except (FormParserError, UnicodeDecodeError, ValueError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The multipart body is damaged: {error}.", field="body") from None
    parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    if not parts:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The multipart body holds no file.", field="body")
    contents = [await part.read() for part in parts]
    await form.close()
    return [f"files[{place}]" for place in range(len(parts))], contents


async def _prepare(
    files: Sequence[bytes], service: Service, pool: ThreadPoolExecutor, fields: Sequence[str]
) -> list[Prepared]:
    """Each picture file as the model wants it."""
    largest = service.settings.max_pixels * 1_000_000
    prepared: list[Prepared] = []
    for content, field in zip(files, fields, strict=True):
        if _is_small(content):
            prepared.append(_prepare_one(content, field, largest))
        else:
            loop = asyncio.get_running_loop()
            prepared.append(await loop.run_in_executor(pool, _prepare_one, content, field, largest))
    return prepared


def _is_small(content: bytes) -> bool:
    """Whether it is a PNG with few pixels, by its header."""
    if len(content) < 24 or content[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    width, height = struct.unpack(">II", content[16:24])
    return width * height <= SMALL


def _prepare_one(content: bytes, field: str, largest: int) -> Prepared:
    try:
        return prepare(content, name=field, formats=tuple(PICTURES.values()), largest=largest)
    except NoInkError as error:
        return Blank(str(error))
    except InkdigitError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), field=field) from None


def _encode(version: str, images: Images | list[Prepared], found: Probabilities, *, show: bool) -> bytes:
    """The answer's JSON, one result an image in the order sent."""
    answers = iter(found.astype(np.float64).round(6).tolist())
    results: list[dict[str, Any]] = []
    for image in images:
        if isinstance(image, Blank):
            results.append({"digit": None, "reason": image.reason})
            continue
        probabilities = next(answers)
        confidence = max(probabilities)
        result = {"digit": probabilities.index(confidence), "confidence": confidence, "probabilities": probabilities}
        results.append(result | ({"input_png": _png(image)} if show else {}))
    return msgspec.json.encode({"model": {"name": NAME, "version": version}, "results": results})


def _png(image: NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
