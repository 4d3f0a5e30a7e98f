"""What a client may send and how long it may take: enforced while reading, before anything is decoded."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from inkdigit.service.problems import ClientGoneError, Problem

MIB = 1 << 20
HEADER_BYTES, HEADER_COUNT = 32 << 10, 100
BODIES = 16  # times the largest body, that all requests being read may hold together


class Bodies:
    """Reads the bodies of requests, within the limits of each and of all together."""

    def __init__(self, max_body: int, seconds: float) -> None:
        self.max_body, self.seconds = max_body * MIB, seconds
        self._held = 0

    async def read(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body. Raises Problem 400, 408, 413, 415 or 503, and ClientGoneError."""
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A compressed body is not taken: send it without Content-Encoding."
            )
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self.max_body:
            raise self._too_large()
        message = await receive()  # in most cases the whole body has come with the headers
        if message["type"] == "http.request" and not message.get("more_body"):
            if len(message["body"]) > self.max_body:
                raise self._too_large()
            return message["body"]
        try:
            async with asyncio.timeout(self.seconds):
                return await self._read_on(message, receive)
        except TimeoutError:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The body did not arrive within {self.seconds:g} seconds.",
                setting="read_timeout",
                headers={"Connection": "close"},
            ) from None

    async def _read_on(self, message: Any, receive: Receive) -> bytes:
        body = bytearray()
        held = 0
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                body += message.get("body", b"")
                self._held += len(body) - held
                held = len(body)
                if held > self.max_body:
                    raise self._too_large()
                if self._held > BODIES * self.max_body:
                    raise Problem(
                        HTTPStatus.SERVICE_UNAVAILABLE,
                        "Too many large requests are being sent at once: try again in a second.",
                        reason="bodies_full",
                        headers={"Retry-After": "1", "Connection": "close"},
                    )
                if not message.get("more_body"):
                    return bytes(body)
                message = await receive()
        finally:
            self._held -= held

    def _too_large(self) -> Problem:
        return Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is larger than {self.max_body // MIB} MiB: send a smaller picture, or fewer.",
            setting="max_body",
            headers={"Connection": "close"},
        )


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP, with a limit on headers and on the seconds until they are complete."""

    def __init__(self, *, seconds: float, **others: Any) -> None:
        super().__init__(**others)
        self._seconds = seconds
        self._deadline: asyncio.TimerHandle | None = None
        self._bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: the first request has to come."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins, the clock runs until its headers end."""
        super().on_message_begin()
        self._bytes = 0
        if self._deadline is None:
            self._start_clock()

    def on_url(self, url: bytes) -> None:
        """Part of the address."""
        super().on_url(url)
        self._count(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        super().on_header(name, value)
        self._count(name, value)

    def on_headers_complete(self) -> None:
        """The headers have come: the body has a clock of its own."""
        self._stop_clock()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def _count(self, *parts: bytes) -> None:
        self._bytes += sum(map(len, parts))
        if (self._bytes > HEADER_BYTES or len(self.headers) > HEADER_COUNT) and not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"At most {HEADER_COUNT} headers of {HEADER_BYTES >> 10} KiB together are taken.",
            )

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(self._seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request's headers did not arrive in time.")

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer what never became a request, and close."""
        if not self.transport.is_closing():
            head = f"content-type: text/plain\r\ncontent-length: {len(sentence)}\r\nconnection: close\r\n\r\n{sentence}"
            self.transport.write(STATUS_LINE[status.value] + head.encode())
            self.transport.close()
