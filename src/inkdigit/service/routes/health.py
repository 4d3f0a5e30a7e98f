"""Health, readiness and metrics."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.service.auth import guarded
from inkdigit.service.problems import SHUTTING_DOWN, Problem
from inkdigit.service.state import Service

JSON = "application/json"


def routes(service: Service) -> list[Route]:
    """The routes for monitoring. Health needs no key."""

    async def healthz(_: Request) -> Response:
        return Response(b'{"status":"alive"}', media_type=JSON)

    async def readyz(_: Request) -> Response:
        if service.draining:
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, SHUTTING_DOWN, reason="draining").response()
        content = {"status": "ready", "version": str(service.models.current.version)}
        return Response(msgspec.json.encode(content), media_type=JSON)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", guarded(service, metrics)),
    ]


async def metrics(service: Service, _: Request) -> Response:
    """All metrics in Prometheus's text format."""
    return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
