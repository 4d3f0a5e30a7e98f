"""The service as one ASGI application: its parts and its routes."""

from __future__ import annotations

from pathlib import Path

import msgspec
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from inkdigit.service.api_keys import Keys
from inkdigit.service.batching import Batcher
from inkdigit.service.limits import BodyReader, ConcurrencyLimit
from inkdigit.service.metrics import Metrics
from inkdigit.service.models import Models
from inkdigit.service.openapi import document
from inkdigit.service.pictures import Pictures
from inkdigit.service.router import Router
from inkdigit.service.routes import digits, health, openinference, pages, read, tfserving
from inkdigit.service.settings import ServiceSettings
from inkdigit.service.state import Service


def create(settings: ServiceSettings, models: Models) -> tuple[ASGIApp, Service]:
    """The application and its parts, around models that are loaded.

    Call it in the event loop that will serve, and close the service at the end.
    """
    metrics = Metrics()
    waiting = ConcurrencyLimit(settings.max_queue, "max_queue")
    service = Service(
        settings=settings,
        models=models,
        metrics=metrics,
        waiting=waiting,
        batcher=Batcher(settings.max_batch, waiting, metrics.count_batch),
        bodies=BodyReader(settings.max_body, settings.read_timeout),
        reads=ConcurrencyLimit(settings.max_reads, "max_reads"),
        pictures=Pictures(settings.max_pixels, settings.max_images, settings.threads, settings.read_memory),
        keys=Keys.read(Path(settings.api_key_file)) if settings.api_key_file else None,
    )
    service.report_version()
    app: ASGIApp = Router(routes(service), service)
    if settings.origins:
        app = CORSMiddleware(app, settings.origins, allow_methods=["GET", "POST"], allow_headers=["*"])
    return app, service


def routes(service: Service) -> list[Route]:
    """Every route of the service."""
    openapi = msgspec.json.encode(document(service.settings))
    apis = [route for api in (digits, read, openinference, tfserving, health) for route in api.routes(service)]
    return [*apis, *pages.routes(openapi)]
