"""The service as one ASGI application: its parts, its routes, and what every request goes through."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inkdigit.reading.text import Reading
from inkdigit.service.batching import Batcher, Images, Probabilities
from inkdigit.service.connection import Protocol
from inkdigit.service.keys import Keys
from inkdigit.service.limits import Bodies, Room
from inkdigit.service.metrics import Metrics
from inkdigit.service.models import NAME, Model, Models
from inkdigit.service.pictures import Options, Pictures, Prepared
from inkdigit.service.problems import ClientGoneError, Problem, overloaded
from inkdigit.service.settings import ServiceSettings

REQUEST_ID = re.compile(rb"[\w.:/+=-]{1,128}")
LOG_FILE = 2  # standard error
LONGEST = 200  # characters of a path that are worth a log's space


@dataclass
class Service:
    """What the routes share. One a process."""

    settings: ServiceSettings
    models: Models
    metrics: Metrics
    batcher: Batcher
    bodies: Bodies
    reads: Room
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
            Protocol.of(scope).on_gone(work.cancel)
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
            self.metrics.digits.labels("blank").inc(not digits)
        return found

    async def predict(self, model: Model, images: Images, scope: Scope, deadline: float) -> Probabilities:
        """(N, 28, 28) uint8 -> (N, 10) float32, counted. Raises Problem 503 or 504, and ClientGoneError."""
        connection = Protocol.of(scope)
        if model.quick and len(images) == 1 and connection.alone:
            probabilities = self.batcher.at_once(model.recognizer, images)
        else:
            self.metrics.queue_depth.set(self.batcher.depth + len(images))
            try:
                with self._in_time():
                    probabilities = await self.batcher.predict(model.recognizer, images, deadline, connection.on_gone)
            finally:
                self.metrics.queue_depth.set(self.batcher.depth)
        self.metrics.answers(probabilities)
        return probabilities

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


def say(level: Literal["info", "error"] | str, sentence: str, **more: object) -> None:
    """One structured line in the log."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    line = {"time": f"{stamp}Z", "level": level, "message": sentence, **more}
    with suppress(OSError):  # a full disk, or nobody reading any more: answers go on, and there is nowhere to tell
        os.write(LOG_FILE, msgspec.json.encode(line) + b"\n")


class Lines(logging.Handler):
    """What libraries log, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, with the traceback where there is one."""
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
        say(record.levelname.lower(), record.getMessage().strip(), **({"trace": trace} if trace else {}))


def create(settings: ServiceSettings, models: Models) -> tuple[ASGIApp, Service]:
    """The application and its parts, around models that are loaded. Call it in the event loop that will serve."""
    metrics = Metrics()
    service = Service(
        settings,
        models,
        metrics,
        Batcher(settings.max_batch, settings.max_queue, metrics.batch_size.observe),
        Bodies(settings.max_body, settings.read_timeout),
        Room(settings.max_reads, "max_reads"),
        Pictures(settings.max_pixels, settings.max_images, settings.threads),
        Keys.read(Path(settings.api_key_file)) if settings.api_key_file else None,
    )
    service.tell_version()
    app: ASGIApp = Gate(routes(service), service)
    if settings.origins:
        app = CORSMiddleware(app, settings.origins, allow_methods=["GET", "POST"], allow_headers=["*"])
    return app, service


def routes(service: Service) -> list[Route]:
    """Every route there is."""
    from inkdigit.service.routes import digits, health, openinference, pages, read, tfserving

    faces = (digits, read, openinference, tfserving, health, pages)
    return [route for face in faces for route in face.routes(service)]


def _no_route(request: Request, _: Exception) -> Response:
    path = request.scope["path"]
    return Problem(HTTPStatus.NOT_FOUND, f"There is nothing at {path}: see /docs.").response(path)


def _no_method(request: Request, error: Any) -> Response:
    path = request.scope["path"]
    sentence = f"{path} does not take {request.method}: see /docs."
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, sentence, headers=error.headers).response(path)


class Gate:
    """What every request goes through: its id, its route, the metrics, one line in the log. Never what it carries."""

    def __init__(self, routes: Sequence[Route], service: Service) -> None:
        self.service = service
        router = Router(routes, redirect_slashes=False)
        self._routed = ExceptionMiddleware(router, {404: _no_route, 405: _no_method})
        # Looked up by their path: matching patterns one after the other takes as long as all the rest.
        self._plain = {route.path: route for route in routes if "{" not in route.path}
        # Ready made: an overloaded server has no time to make them.
        self._full = {path: overloaded("max_queue").response(path) for path in self._plain}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "").encode("latin-1")
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8).encode()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = [(b"x-request-id", request_id), (b"x-content-type-options", b"nosniff")]
                if self.service.draining:
                    more.append((b"connection", b"close"))
                message["headers"] = message["headers"] + more  # a new list: a page's own serves every request
            await send(message)

        scope["started"] = started
        problem = None
        try:
            await self._route(scope)(scope, receive, answer)
        except ClientGoneError:
            problem = "client_gone"
        except Exception as error:  # noqa: BLE001 - a mistake of ours: the client hears that much and no more
            problem = f"{type(error).__name__}: {error}"
            failure = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log says what.")
            await failure.response(scope["path"])(scope, receive, answer)
        self._record(scope, request_id, status, problem)

    def _route(self, scope: Scope) -> ASGIApp:
        route = self._plain.get(scope["path"])
        if route and scope["method"] in (route.methods or ()):
            scope["route"] = route
            if scope["method"] == "POST" and self.service.batcher.is_full:
                self.service.metrics.rejected.labels("queue_full").inc()
                return self._full[route.path]
            return route.handle
        scope["app"] = self  # or Starlette's router would answer what it does not know by itself
        return self._routed

    def _record(self, scope: Scope, request_id: bytes, status: int, problem: str | None) -> None:
        route = getattr(scope.get("route"), "path", "none")
        seconds = time.perf_counter() - scope["started"]
        if problem == "client_gone":
            self.service.metrics.rejected.labels(problem).inc()
            status = 499
        self.service.metrics.request(route, scope["method"], status, seconds)
        more = {"problem": problem} if problem else {}
        say(
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
    """An endpoint for Starlette, behind the API key; what is refused is told as its face tells it.

    endpoint: takes the service and the request, gives the response.
    """

    async def answer(request: Request) -> Response:
        try:
            if service.keys:
                _check_key(service.keys, request.headers)
            return await endpoint(service, request)
        except Problem as problem:
            service.metrics.rejected.labels(problem.reason).inc()
            return problem.response(request.scope["path"])

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
