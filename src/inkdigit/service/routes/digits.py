"""Inkdigit's own API for single digits: POST /v1/digits takes pictures or pixels and answers with digits."""

from __future__ import annotations

import base64
import io
import re
from http import HTTPStatus

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.imaging.pixel_scale import all_have_ink, has_ink
from inkdigit.service.auth import guarded
from inkdigit.service.batching import Images, Probabilities
from inkdigit.service.models import NAME
from inkdigit.service.pictures import PICTURE_TYPES, Blank, PictureFile, Prepared
from inkdigit.service.problems import Problem, too_many_images
from inkdigit.service.schemas.digits import (
    Answer,
    Digit,
    Encoded,
    ModelVersion,
    NoDigit,
    OnePicture,
    OtherPictures,
    Pictures,
)
from inkdigit.service.state import Service
from inkdigit.service.tensors import check_count, decode, images_of_any_shape, stack
from inkdigit.service.uploads import JSON, encoded_file, media_type, picture_files

DEPTH = re.compile(rb'"pixels"\s*:\s*((?:\[\s*){0,4})')  # the brackets that pixels begin with
PIXELS_HINT = "Pixels are 28 rows of 28 whole numbers from 0 (paper) to 255 (ink), or 784, or a list of such images."
BODY_HINT = 'Send {"pixels": …} or {"image": "…"}, a picture file in base64.'

NO_PREDICTIONS = np.empty((0, 10), np.float32)
ONE, SEVERAL, OTHER, ENCODED = (msgspec.json.Decoder(kind) for kind in (OnePicture, Pictures, OtherPictures, Encoded))


def routes(service: Service) -> list[Route]:
    """The one route."""
    return [Route("/v1/digits", guarded(service, answer), methods=["POST"])]


async def answer(service: Service, request: Request) -> Response:
    """Read a request in any of its forms, and answer with one result for each image."""
    service.waiting.admit(1)  # before anything is read
    show_input = _show_input(request)
    body = await service.bodies.read(request)
    deadline = service.deadline()
    content = await _decode(request, body, service.settings.max_images)
    images = await service.prepare(content, deadline) if isinstance(content, list) else _marked(content)
    if len(images) > service.settings.max_images:
        raise too_many_images(len(images), service.settings.max_images)
    model = service.models.current
    inked = images if isinstance(images, np.ndarray) else _without_blanks(images)
    found = await service.predict(model, inked, request.scope, deadline) if len(inked) else NO_PREDICTIONS
    service.metrics.blank.inc(len(images) - len(inked))
    return Response(_encode(str(model.version), images, found, show_input=show_input), media_type=JSON)


def _marked(images: Images) -> Images | list[Prepared]:
    """Images (N, 28, 28); where some are blank, a list of all with these marked."""
    if all_have_ink(images):
        return images
    return [image if inked else Blank() for image, inked in zip(images, has_ink(images), strict=True)]


def _without_blanks(images: list[Prepared]) -> Images:
    """The images with ink, (N, 28, 28) uint8, N from 0."""
    inked = [image for image in images if not isinstance(image, Blank)]
    return inked[0][np.newaxis] if len(inked) == 1 else np.array(inked, np.uint8).reshape(-1, 28, 28)


async def _decode(request: Request, body: bytes, limit: int) -> Images | list[PictureFile]:
    """The pixels (N, 28, 28) uint8 in a body, or its picture files. Raises Problem."""
    kind = media_type(request, body)
    return _decode_json(body, limit) if kind == JSON else await picture_files(request, kind, body, PICTURE_TYPES, limit)


def _show_input(request: Request) -> bool:
    """Whether the answer should hold what the model saw. Raises Problem 422 for any other parameter."""
    if not request.scope["query_string"]:
        return False
    values = request.query_params.getlist("show")
    if values not in ([], ["input"]) or set(request.query_params) - {"show"}:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The only parameter is show=input.", field="show")
    return bool(values)


def _decode_json(body: bytes, limit: int) -> Images | list[PictureFile]:
    """The pixels (N, 28, 28) uint8 of a JSON body, or the picture file in it. Raises Problem 400, 413 or 422."""
    depth = DEPTH.search(body)
    if depth is None:
        return [encoded_file(decode(ENCODED, body, hint=BODY_HINT))]
    check_count(body, limit)
    several = depth[1].count(b"[") > 2
    try:
        if several:
            return stack(decode(SEVERAL, body, hint=PIXELS_HINT).pixels, 2, "pixels")
        return stack(decode(ONE, body, hint=PIXELS_HINT).pixels, 1, "pixels")
    except Problem as problem:
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY or (found := _other_pixels(body)) is None:
            raise
        return found


def _other_pixels(body: bytes) -> Images | None:
    """The pixels of a JSON body in another shape or as 7.0; None where they are no images. The slow way, for few."""
    try:
        return images_of_any_shape(decode(OTHER, body).pixels, "pixels")
    except Problem:
        return None


def _encode(version: str, images: Images | list[Prepared], found: Probabilities, *, show_input: bool) -> bytes:
    """The answer's JSON, one result for each image in the order sent."""
    rows = iter(found.astype(np.float64).round(6).tolist())
    results: list[Digit | NoDigit] = []
    for image in images:
        if isinstance(image, Blank):
            results.append(NoDigit(None, image.reason))
            continue
        probabilities = next(rows)
        confidence = max(probabilities)
        seen = _png(image) if show_input else UNSET
        results.append(Digit(probabilities.index(confidence), confidence, probabilities, seen))
    return msgspec.json.encode(Answer(ModelVersion(NAME, version), results))


def _png(image: NDArray[np.uint8]) -> str:
    """A PNG file in base64."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
