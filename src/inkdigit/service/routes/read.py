"""POST /v1/read takes pictures and pages, and answers with their lines of digits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.service.app import Service, guarded
from inkdigit.service.models import NAME
from inkdigit.service.pictures import Options, page_kinds
from inkdigit.service.problems import Problem
from inkdigit.service.routes.digits import ModelVersion, Probability
from inkdigit.service.tensors import decode
from inkdigit.service.uploads import JSON, Encoded, media_type, picture_files

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
    text: Annotated[str, Meta(description="a line of text for each line of digits; empty where there is none")]
    lines: list[ReadLine]
    rejected: list[RejectedInk]


class ReadAnswer(msgspec.Struct):
    """One result a picture or page, in the order sent."""

    model: ModelVersion
    results: list[ReadPicture]


ENCODED = msgspec.json.Decoder(Encoded)


def routes(service: Service) -> list[Route]:
    """The one route."""
    return [Route("/v1/read", guarded(service, answer), methods=["POST"])]


async def answer(service: Service, request: Request) -> Response:
    """Read the request, whatever form it has; answer with one result a picture or page."""
    service.reads.admit(1)  # before anything is read
    options = _options(request)
    body = await service.bodies.read(request)
    kind = media_type(request)
    if kind == JSON:
        content = decode(ENCODED, body, hint='Send {"image": "…"}, a picture file in base64.').files()
    else:
        content = await picture_files(request, kind, body, page_kinds(), service.settings.max_images)
    model = service.models.current
    files, fields = content
    found = await service.read(model, files, fields, options, request.scope)
    results: list[Any] = [({} if page is None else {"page": page}) | reading.to_dict() for page, reading in found]
    about = ModelVersion(NAME, str(model.version))
    return Response(msgspec.json.encode({"model": about, "results": results}), media_type=JSON)


def _options(request: Request) -> Options:
    """The layout and the least confidence that are asked for. Raises Problem 422."""
    given = request.query_params.multi_items()
    values = dict(given)
    other = next((name for name in values if name not in {"layout", "min_confidence"}), None)
    if other is not None or len(values) < len(given):
        sentence = "The parameters are layout and min_confidence, each at most once."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, field=other)
    layout: Any = values.get("layout", "page")
    if layout not in get_args(Layout):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The layout is page or line.", field="layout")
    try:
        least = float(values.get("min_confidence", "0"))
    except ValueError:
        least = -1
    if not 0 <= least <= 1:
        sentence = "The least confidence is a number from 0 to 1."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, field="min_confidence")
    return layout, least
