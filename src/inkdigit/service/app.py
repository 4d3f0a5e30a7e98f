"""The service as one ASGI application: its parts, its routes, and what every request goes through."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from inkdigit.reading.results import Reading
from inkdigit.service.auth import Keys
from inkdigit.service.batching import Batcher, Images, Probabilities
from inkdigit.service.http_protocol import connection
from inkdigit.service.limits import BodyReader, ConcurrencyLimit
from inkdigit.service.log import log_event
from inkdigit.service.metrics import Metrics
from inkdigit.service.models import NAME, Model, Models
from inkdigit.service.pictures import Options, Pictures, Prepared, is_small
from inkdigit.service.problems import ClientGoneError, Problem, overloaded
from inkdigit.service.settings import ServiceSettings

REQUEST_ID = re.compile(rb"[\w.:/+=-]{1,128}")
PROCESS_ID, COUNTER = os.urandom(4).hex().encode(), itertools.count()  # the ids that requests get
LONGEST = 200  # characters of a path that are worth a log's space


@dataclass
class Service:
    """What the routes share. One a process."""

    settings: ServiceSettings
    models: Models
    metrics: Metrics
    batcher: Batcher
    bodies: BodyReader
    reads: ConcurrencyLimit
    pictures: Pictures
    keys: Keys | None
    draining: bool = False

    def tell_version(self) -> None:
        """Tell the metrics which version answers."""
        self.metrics.model.labels(NAME).set(self.models.current.version)

    def model(self, name: str, version: str = "") -> Model:
        """A model by its name, of the version that answers where none is asked for. Raises Problem 404."""
        if name != NAME:
            raise Problem(HTTPStatus.NOT_FOUND, f'There is no model "{name[:40]}" here: ask for {NAME}.')
        model = self.models.find(version) if version else self.models.current
        if model is None:
            loaded = ", ".join(map(str, sorted(self.models.loaded)))
            sentence = f'There is no version "{version[:40]}" of {NAME} here: loaded are {loaded}.'
            raise Problem(HTTPStatus.NOT_FOUND, sentence)
        return model

    def deadline(self) -> float:
        """When a request that is taken up now must have its answer, by the event loop's clock."""
        return asyncio.get_running_loop().time() + self.settings.deadline

    async def prepare(self, files: Sequence[bytes], fields: Sequence[str], deadline: float) -> list[Prepared]:
        """Each picture file as the model wants it. Raises Problem 422, 503 or 504.

        fields: where in the request each of them stands.
        """
        if len(files) == 1 and is_small(files[0]):
            return [self.pictures.prepare_one(files[0], fields[0])]
        with self.bodies.holding(sum(map(len, files))), self.batcher.holding(len(files)), self._in_time():
            async with asyncio.timeout_at(deadline):
                return await self.pictures.prepare(files, fields)

    async def read(
        self, model: Model, files: Sequence[bytes], fields: Sequence[str], options: Options, scope: Scope
    ) -> list[tuple[int | None, Reading]]:
        """What is read on each picture and page, counted. Raises Problem 413, 422, 503 or 504, and ClientGoneError."""
        deadline = self.deadline()
        with self.bodies.holding(sum(map(len, files))), self.reads.holding(1), self._in_time():
            work = asyncio.ensure_future(self.pictures.read(files, fields, model.recognizer, options))
            connection(scope).on_gone(work.cancel)
            try:
                async with asyncio.timeout_at(deadline):
                    found = await work
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():  # pyright: ignore[reportOptionalMemberAccess]
                    raise
                raise ClientGoneError from None
        for _, reading in found:
            digits = [digit.probabilities for line in reading.lines for digit in line.digits]
            self.metrics.answers(np.array(digits, np.float32).reshape(-1, 10))
            self.metrics.blank.inc(not digits)
        return found

    async def predict(self, model: Model, images: Images, scope: Scope, deadline: float) -> Probabilities:
        """(N, 28, 28) uint8 -> (N, 10) float32, counted. Raises Problem 503 or 504, and ClientGoneError."""
        came = connection(scope)
        if model.quick and len(images) == 1 and came.alone:
            return self.batcher.at_once(model.recognizer, images)
        self.metrics.queue_depth.set(self.batcher.depth + len(images))
        try:
            with self._in_time():
                return await self.batcher.predict(model.recognizer, images, deadline, came.on_gone)
        finally:
            self.metrics.queue_depth.set(self.batcher.depth)

    @contextmanager
    def _in_time(self) -> Generator[None]:
        try:
            yield
        except TimeoutError:
            raise Problem(
                HTTPStatus.GATEWAY_TIMEOUT,
                f"The answer took more than {self.settings.deadline:g} seconds: try again.",
                setting="deadline",
                reason="deadline",
            ) from None


Endpoint = Callable[[Service, Request], Any]


def create(settings: ServiceSettings, models: Models) -> tuple[ASGIApp, Service]:
    """The application and its parts, around models that are loaded. Call it in the event loop that will serve."""
    metrics = Metrics()
    service = Service(
        settings,
        models,
        metrics,
        Batcher(settings.max_batch, settings.max_queue, metrics.batch),
        BodyReader(settings.max_body, settings.read_timeout),
        ConcurrencyLimit(settings.max_reads, "max_reads"),
        Pictures(settings.max_pixels, settings.max_images, settings.threads),
        Keys.read(Path(settings.api_key_file)) if settings.api_key_file else None,
    )
    service.tell_version()
    app: ASGIApp = Router(routes(service), service)
    if settings.origins:
        app = CORSMiddleware(app, settings.origins, allow_methods=["GET", "POST"], allow_headers=["*"])
    return app, service


def routes(service: Service) -> list[Route]:
    """Every route there is."""
    from inkdigit.service.routes import digits, health, openinference, pages, read, tfserving

    faces = (digits, read, openinference, tfserving, health, pages)
    return [route for face in faces for route in face.routes(service)]


class Router:
    """What every request goes through: its id, its route, the metrics, one line in the log. Never what it carries.

    Starlette's own router would take as long as all the rest.
    """

    def __init__(self, routes: Sequence[Route], service: Service) -> None:
        self.service = service
        self._plain = {route.path: route for route in routes if "{" not in route.path}
        self._patterns = [route for route in routes if "{" in route.path]
        # Ready made: an overloaded server has no time to make them.
        self._full = {path: overloaded("max_queue").response(path) for path in self._plain}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given if REQUEST_ID.fullmatch(given) else b"%s%08x" % (PROCESS_ID, next(COUNTER))
        problem = None
        try:
            response = await self._respond(Request(scope, receive))
        except ClientGoneError:
            self.service.metrics.rejected.labels("client_gone").inc()
            self._record(scope, request_id, 499, started, "client_gone")
            return
        except Exception as error:  # noqa: BLE001 - a mistake of ours: the client hears that much and no more
            problem = f"{type(error).__name__}: {error}"
            failure = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log says what.")
            response = failure.response(scope["path"])
        more = [(b"x-request-id", request_id), (b"x-content-type-options", b"nosniff")]
        if self.service.draining:
            more.append((b"connection", b"close"))
        headers = response.raw_headers + more  # a new list: a page's own serves every request
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        self._record(scope, request_id, response.status_code, started, problem)

    async def _respond(self, request: Request) -> Response:
        scope = request.scope
        path, method = scope["path"], scope["method"]
        route = self._plain.get(path) or self._pattern(scope)
        if not route:
            return Problem(HTTPStatus.NOT_FOUND, f"There is nothing at {path}: see /docs.").response(path)
        scope["route"] = route.path
        methods = route.methods or ()
        if method not in methods:
            sentence = f"{path} does not take {method}: see /docs."
            allowed = {"Allow": ", ".join(methods)}
            return Problem(HTTPStatus.METHOD_NOT_ALLOWED, sentence, headers=allowed).response(path)
        if method == "POST" and self.service.batcher.is_full and path in self._full:
            self.service.metrics.rejected.labels("queue_full").inc()
            return self._full[path]
        try:
            return await route.endpoint(request)
        except Problem as problem:
            self.service.metrics.rejected.labels(problem.reason).inc()
            return problem.response(path)

    def _pattern(self, scope: Scope) -> Route | None:
        """The first route whose pattern the path has, or else the first that wants another method."""
        found = None
        for route in self._patterns:
            match, parts = route.matches(scope)
            if match is Match.FULL or (match is Match.PARTIAL and not found):
                found = route, parts
            if match is Match.FULL:
                break
        if not found:
            return None
        scope.update(found[1])
        return found[0]

    def _record(self, scope: Scope, request_id: bytes, status: int, started: float, problem: str | None) -> None:
        seconds = time.perf_counter() - started
        self.service.metrics.request(scope.get("route", "none"), scope["method"], status, seconds)
        more = {"problem": problem} if problem else {}
        log_event(
            "error" if status == 500 else "info",
            "request",
            id=request_id.decode("latin-1"),
            method=scope["method"],
            path=scope["path"][:LONGEST],
            status=status,
            ms=round(1000 * seconds, 3),
            **more,
        )


def guarded(service: Service, endpoint: Endpoint) -> Any:
    """An endpoint for a route, behind the API key.

    endpoint: takes the service and the request, gives the response.
    """

    async def answer(request: Request) -> Response:
        if service.keys:
            _check_key(service.keys, request.headers)
        return await endpoint(service, request)

    return answer


def _check_key(keys: Keys, headers: Headers) -> None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    if not keys.owner(key):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "This is not an API key known here: send one as X-API-Key or as Authorization: Bearer."
            if key
            else "An API key is needed: send it as X-API-Key or as Authorization: Bearer.",
            headers={"WWW-Authenticate": 'Bearer realm="inkdigit"'},
        )
