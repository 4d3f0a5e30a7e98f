"""Guards routes with the API key."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from inkdigit.service.api_keys import Keys
from inkdigit.service.problems import Problem
from inkdigit.service.state import Service

Endpoint = Callable[[Service, Request], Any]


def guarded(service: Service, endpoint: Endpoint) -> Any:
    """An endpoint for a route that first checks the API key, if the service asks for one.

    Args:
        service: passed to the endpoint.
        endpoint: an async function of the service and the request that returns the response.
    """

    async def answer(request: Request) -> Response:
        if service.keys:
            check_key(service.keys, request.headers)
        return await endpoint(service, request)

    return answer


def check_key(keys: Keys, headers: Headers) -> None:
    """Raise Problem 401 unless the headers carry one of the keys."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    if not keys.owner(key):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "This API key is not known here: send one as X-API-Key or as Authorization: Bearer."
            if key
            else "An API key is needed: send it as X-API-Key or as Authorization: Bearer.",
            headers={"WWW-Authenticate": 'Bearer realm="inkdigit"'},
        )
