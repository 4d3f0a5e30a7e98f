"""POST /v1/read takes pictures and pages, and answers with their lines of digits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.service.auth import guarded
from inkdigit.service.models import NAME
from inkdigit.service.pictures import ReadOptions, page_types
from inkdigit.service.problems import Problem
from inkdigit.service.schemas.digits import Encoded, ModelVersion
from inkdigit.service.schemas.read import Layout
from inkdigit.service.state import Service
from inkdigit.service.tensors import decode
from inkdigit.service.uploads import JSON, encoded_file, media_type, picture_files

ENCODED = msgspec.json.Decoder(Encoded)


def routes(service: Service) -> list[Route]:
    """The one route."""
    return [Route("/v1/read", guarded(service, answer), methods=["POST"])]


async def answer(service: Service, request: Request) -> Response:
    """Read a request in any of its forms, and answer with one result for each picture or page."""
    service.reads.admit(1)  # before anything is read
    options = _options(request)
    body = await service.bodies.read(request)
    kind = media_type(request, body)
    if kind == JSON:
        files = [encoded_file(decode(ENCODED, body, hint='Send {"image": "…"}, a picture file in base64.'))]
    else:
        files = await picture_files(request, kind, body, page_types(), service.settings.max_images)
    model = service.models.current
    found = await service.read(model, files, options, request.scope)
    results: list[Any] = [({} if page is None else {"page": page}) | reading.to_dict() for page, reading in found]
    about = ModelVersion(NAME, str(model.version))
    return Response(msgspec.json.encode({"model": about, "results": results}), media_type=JSON)


def _options(request: Request) -> ReadOptions:
    """The layout and the least confidence in the query. Raises Problem 422."""
    given = request.query_params.multi_items()
    values = dict(given)
    unknown = next((name for name in values if name not in {"layout", "min_confidence"}), None)
    if unknown is not None or len(values) < len(given):
        sentence = "The parameters are layout and min_confidence, each at most once."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, field=unknown)
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
    return ReadOptions(layout, least)
