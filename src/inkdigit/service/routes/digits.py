"""Our own face: POST /v1/digits takes pictures or pixels and answers with digits."""

from __future__ import annotations

import base64
import io
import re
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.service.app import Service, guarded
from inkdigit.service.batching import Images, Probabilities
from inkdigit.service.models import NAME
from inkdigit.service.pictures import FORMATS, Blank, Prepared
from inkdigit.service.problems import Problem, too_many
from inkdigit.service.tensors import Picture, Pixel, Several, decode, stack
from inkdigit.service.uploads import JSON, Base64, Encoded, Files, media_type, picture_files

DEPTH = re.compile(rb'"pixels"\s*:\s*((?:\[\s*){0,4})')
PIXELS = "Pixels are 28 rows of 28 whole numbers from 0 (paper) to 255 (ink), or a list of such images."
EITHER = 'Send {"pixels": …} or {"image": "…"}, a picture file in base64.'

Probability = Annotated[float, Meta(ge=0, le=1)]


class OnePicture(msgspec.Struct, forbid_unknown_fields=True):
    """Pixels of one digit, which the model gets as they are."""

    pixels: Picture[Pixel]


class Quick(msgspec.Struct, forbid_unknown_fields=True):
    """The same, its sizes and numbers yet to be checked: all at once in a third less time than one by one."""

    pixels: list[list[int]]


class Pictures(msgspec.Struct, forbid_unknown_fields=True):
    """Pixels of several digits."""

    pixels: Several[Picture[Pixel]]


class Digit(msgspec.Struct):
    """What one image shows."""

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
    """One result an image, in the order sent."""

    model: ModelVersion
    results: list[Any]  # of Digit and NoDigit


QUICK, LENGTHS = msgspec.json.Decoder(Quick), [28] * 28
NOTHING = np.empty((0, 10), np.float32)
ONE, MANY, ENCODED = (msgspec.json.Decoder(kind) for kind in (OnePicture, Pictures, Encoded))


def routes(service: Service) -> list[Route]:
    """The one route."""
    return [Route("/v1/digits", guarded(service, answer), methods=["POST"])]


async def answer(service: Service, request: Request) -> Response:
    """Read the request, whatever form it has; answer with one result an image."""
    service.batcher.admit(1)  # before anything is read
    show = _show(request)
    body = await service.bodies.read(request)
    deadline = service.deadline()
    content = await _decode(request, body, service.settings.max_images)
    images = await service.prepare(*content, deadline) if isinstance(content, tuple) else content
    if len(images) > service.settings.max_images:
        raise too_many(len(images), service.settings.max_images)
    model = service.models.current
    stack = images if isinstance(images, np.ndarray) else _stack(images)
    found = await service.predict(model, stack, request.scope, deadline) if len(stack) else NOTHING
    service.metrics.blank.inc(len(images) - len(stack))
    return Response(_encode(str(model.version), images, found, show=show), media_type=JSON)


def _stack(images: list[Prepared]) -> Images:
    """Those with ink, (N, 28, 28) uint8, N from 0."""
    seen = [image for image in images if not isinstance(image, Blank)]
    return seen[0][np.newaxis] if len(seen) == 1 else np.array(seen, np.uint8).reshape(-1, 28, 28)


async def _decode(request: Request, body: bytes, limit: int) -> Images | Files:
    """The pixels (N, 28, 28) uint8 in a body, or its picture files. Raises Problem."""
    kind = media_type(request)
    return _decode_json(body) if kind == JSON else await picture_files(request, kind, body, FORMATS, limit)


def _show(request: Request) -> bool:
    if not request.scope["query_string"]:
        return False
    values = request.query_params.getlist("show")
    if values not in ([], ["input"]) or set(request.query_params) - {"show"}:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The only parameter is show=input.", field="show")
    return bool(values)


def _decode_json(body: bytes) -> Images | Files:
    """The pixels (N, 28, 28) uint8 of a JSON body, or the picture file in it. Raises Problem 400 or 422."""
    try:
        rows = QUICK.decode(body).pixels
        pixels = b"".join([bytes(row) for row in rows])  # which refuses what is not from 0 to 255
        if list(map(len, rows)) == LENGTHS:
            return np.frombuffer(pixels, np.uint8).reshape(1, 28, 28)
    except ValueError:  # something else, or something is wrong with it: see what
        pass
    depth = DEPTH.search(body)
    decoder = ENCODED if depth is None else MANY if depth[1].count(b"[") > 2 else ONE
    try:
        content = decode(decoder, body, hint=PIXELS if depth else EITHER)
    except Problem as problem:
        if depth is None and "`image`" in problem.detail:
            raise Problem(problem.status, f"The object has neither pixels nor image. {EITHER}") from None
        raise
    return (
        content.files()
        if isinstance(content, Encoded)
        else stack(content.pixels, 1 if isinstance(content, OnePicture) else 2)
    )


def _encode(version: str, images: Images | list[Prepared], found: Probabilities, *, show: bool) -> bytes:
    """The answer's JSON, one result an image in the order sent."""
    answers = iter(found.astype(np.float64).round(6).tolist())
    results: list[Digit | NoDigit] = []
    for image in images:
        if isinstance(image, Blank):
            results.append(NoDigit(None, image.reason))
            continue
        probabilities = next(answers)
        confidence = max(probabilities)
        seen = _png(image) if show else UNSET
        results.append(Digit(probabilities.index(confidence), confidence, probabilities, seen))
    return msgspec.json.encode(Answer(ModelVersion(NAME, version), results))


def _png(image: NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
