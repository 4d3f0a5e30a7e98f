"""What every request goes through: its id, its route, the metrics, one line in the log."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from inkdigit.service.log import log_event
from inkdigit.service.problems import ClientGoneError, Problem, overloaded
from inkdigit.service.state import Service

REQUEST_ID = re.compile(rb"[\w.:/+=-]{1,128}")
PROCESS_ID, COUNTER = os.urandom(4).hex().encode(), itertools.count()  # the parts of ids that requests get here
MAX_LOGGED_PATH = 200  # characters
CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that did not wait


class Router:
    """The application: finds each request's route, and counts and logs the request but never its content.

    Starlette's own router would take as long as everything else together.
    """

    def __init__(self, routes: Sequence[Route], service: Service) -> None:
        self._service = service
        self._plain = {route.path: route for route in routes if "{" not in route.path}
        self._patterns = [route for route in routes if "{" in route.path]
        # Made in advance: an overloaded server has no time to make them.
        self._overloaded = {path: overloaded("max_queue").response(path) for path in self._plain}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given if REQUEST_ID.fullmatch(given) else b"%s%08x" % (PROCESS_ID, next(COUNTER))
        problem = None
        try:
            response = await self._respond(Request(scope, receive))
        except ClientGoneError:
            self._service.metrics.rejected.labels("client_gone").inc()
            self._record(scope, request_id, CLIENT_CLOSED_REQUEST, started, "client_gone")
            return
        except Exception as error:  # noqa: BLE001 - a fault of ours: the client learns that, and the log holds the rest
            problem = f"{type(error).__name__}: {error}"
            failure = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log says what.")
            response = failure.response(scope["path"])
        more = [(b"x-request-id", request_id), (b"x-content-type-options", b"nosniff")]
        if self._service.draining:
            more.append((b"connection", b"close"))
        headers = response.raw_headers + more  # a new list: a page's response serves every request
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        self._record(scope, request_id, response.status_code, started, problem)

    async def _respond(self, request: Request) -> Response:
        scope = request.scope
        path, method = scope["path"], scope["method"]
        route = self._plain.get(path) or self._match_pattern(scope)
        if not route:
            return Problem(HTTPStatus.NOT_FOUND, f"There is nothing at {path}: see /docs.").response(path)
        scope["route"] = route.path
        methods = route.methods or ()
        if method not in methods:
            return method_not_allowed(path, method, ", ".join(methods)).response(path)
        if method == "POST" and self._service.waiting.is_full and path in self._overloaded:
            self._service.metrics.rejected.labels("queue_full").inc()
            return self._overloaded[path]
        try:
            return await route.endpoint(request)
        except Problem as problem:
            self._service.metrics.rejected.labels(problem.reason).inc()
            return problem.response(path)

    def _match_pattern(self, scope: Scope) -> Route | None:
        """The first route whose pattern the path has, or else the first that needs another method."""
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
        self._service.metrics.count_request(scope.get("route", "none"), scope["method"], status, seconds)
        more = {"problem": problem} if problem else {}
        log_event(
            "error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "info",
            "request",
            id=request_id.decode("latin-1"),
            method=scope["method"],
            path=scope["path"][:MAX_LOGGED_PATH],
            status=status,
            ms=round(1000 * seconds, 3),
            **more,
        )


def method_not_allowed(path: str, method: str, allowed: str) -> Problem:
    """A path that does not take this method. allowed: the methods that it takes, separated by commas."""
    sentence = f"{path} does not accept {method}: see /docs."
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, sentence, headers={"Allow": allowed})
