"""How large a body may be and how long it may take, enforced while reading; and how much may be under way."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import Receive

from inkdigit.service.http_protocol import connection
from inkdigit.service.problems import ClientGoneError, Problem, overloaded

MIB = 1 << 20
BODIES = 16  # times the largest body, that all requests being read or prepared may hold together


class ConcurrencyLimit:
    """Counts what is under way, and refuses what is more than `most`. setting: the one that raises this limit."""

    def __init__(self, most: int, setting: str) -> None:
        self.most, self.setting = most, setting
        self.depth = 0

    @property
    def is_full(self) -> bool:
        """Whether not one more is accepted."""
        return self.depth >= self.most

    def admit(self, count: int) -> None:
        """Raise the Problem 503 where so many more are too many. A lone request is never too large."""
        if self.depth and self.depth + count > self.most:
            raise overloaded(self.setting)

    @contextmanager
    def holding(self, count: int) -> Generator[None]:
        """Count so many as under way while the block runs. Raises the Problem 503 where they are too many."""
        self.admit(count)
        self.depth += count
        try:
            yield
        finally:
            self.depth -= count


class BodyReader:
    """Reads the bodies of requests, within the limits of each and of all together.

    What is not read of a body that is refused goes to nobody: the connection is kept for the client to hear of it.
    """

    def __init__(self, max_body: int, seconds: float) -> None:
        self.max_body, self.seconds = max_body * MIB, seconds
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The whole body. Raises Problem 400, 408, 413, 415 or 503, and ClientGoneError."""
        headers = dict(request.scope["headers"])
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A compressed body is not taken: send it without Content-Encoding."
            )
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.max_body:
            raise self._too_large()
        if connection(request.scope).is_whole:  # in most cases the body has come with the headers: no clock is needed
            message = await request.receive()
            if message["type"] == "http.request":
                return message["body"]
            raise ClientGoneError
        try:
            async with asyncio.timeout(self.seconds):
                return await self._read_parts(request.receive)
        except TimeoutError:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The body did not arrive within {self.seconds:g} seconds.",
                setting="read_timeout",
                headers={"Connection": "close"},
            ) from None

    @contextmanager
    def holding(self, size: int) -> Generator[None]:
        """Count a body that has been read while something is made of it. Raises Problem 503."""
        try:
            self._hold(size)
            yield
        finally:
            self._held -= size

    async def _read_parts(self, receive: Receive) -> bytes:
        body = bytearray()
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                body += message["body"]
                self._hold(len(message["body"]))
                if len(body) > self.max_body:
                    raise self._too_large()
                if not message["more_body"]:
                    return bytes(body)
        finally:
            self._held -= len(body)

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > BODIES * self.max_body:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Too many large requests are being sent at once: try again in a second.",
                reason="bodies_full",
                headers={"Retry-After": "1"},
            )

    def _too_large(self) -> Problem:
        return Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is larger than {self.max_body // MIB} MiB: send a smaller picture, or fewer.",
            setting="max_body",
        )
