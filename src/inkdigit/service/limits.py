"""Limits: how much may be under way at once, how large a body may be, and how long it may take to arrive."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import Receive

from inkdigit.service.connection import connection
from inkdigit.service.problems import ClientGoneError, Problem, overloaded

MIB = 1 << 20  # bytes
WINDOW_BITS = {b"gzip": 31, b"deflate": 15}  # zlib's numbers for these formats
BODIES_IN_MEMORY = 16  # times the largest body, that all requests being read or prepared may hold together


class ConcurrencyLimit:
    """Counts what is under way, and refuses more than `maximum`.

    Attributes:
        maximum: of what may be under way at once.
        setting: the server's setting that raises this limit.
        depth: what is under way now.
    """

    def __init__(self, maximum: int, setting: str) -> None:
        self.maximum, self.setting = maximum, setting
        self.depth = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more is accepted."""
        return self.depth >= self.maximum

    def admit(self, count: int) -> None:
        """Raise Problem 503 if `count` more are too many. A request that comes alone is never too large."""
        if self.depth and self.depth + count > self.maximum:
            raise overloaded(self.setting)

    @contextmanager
    def holding(self, count: int) -> Generator[None]:
        """Count `count` more as under way while the block runs. Raises Problem 503 if they are too many."""
        self.admit(count)
        self.depth += count
        try:
            yield
        finally:
            self.depth -= count


class BodyReader:
    """Reads the bodies of requests, within a limit for each and a limit for all together.

    The rest of a refused body is thrown away, and the connection stays open, so that the client can read why.
    """

    def __init__(self, max_body: int, timeout: float) -> None:
        """Hold nothing yet.

        Args:
            max_body: in MiB.
            timeout: for one body to arrive, in seconds.
        """
        self.max_bytes, self.timeout = max_body * MIB, timeout
        self._held = 0  # bytes of all bodies in memory

    async def read(self, request: Request) -> bytes:
        """The whole body, unpacked if gzip or deflate has packed it. Raises Problem 400, 408, 413, 415 or 503.

        Raises ClientGoneError too.
        """
        headers = dict(request.scope["headers"])
        coding = headers.get(b"content-encoding", b"identity").lower()
        if coding == b"identity":
            return await self._read(request, headers)
        if coding not in WINDOW_BITS:
            sentence = f"Content-Encoding is {coding.decode('latin-1')[:20]}: send gzip, deflate or none."
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, sentence)
        body = await self._read(request, headers)
        return await asyncio.to_thread(self._unpacked, body, coding)

    async def _read(self, request: Request, headers: dict[bytes, bytes]) -> bytes:
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.max_bytes:
            raise self._too_large()
        if connection(request.scope).is_whole:  # mostly the body comes with the headers: no timer is needed
            message = await request.receive()
            if message["type"] == "http.request":
                return message["body"]
            raise ClientGoneError
        try:
            async with asyncio.timeout(self.timeout):
                return await self._read_parts(request.receive)
        except TimeoutError:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The body did not arrive within {self.timeout:g} seconds.",
                setting="read_timeout",
                headers={"Connection": "close"},
            ) from None

    def _unpacked(self, body: bytes, coding: bytes) -> bytes:
        """A packed body -> its bytes. Raises Problem 400 for damage, 413 for more bytes than a body may have."""
        try:
            unpacking = zlib.decompressobj(WINDOW_BITS[coding])
            content = unpacking.decompress(body, self.max_bytes + 1)
            if len(content) > self.max_bytes:
                raise self._too_large()
            if not unpacking.eof or unpacking.unused_data:
                raise zlib.error("it ends too early, or too late")
        except zlib.error as error:
            sentence = f"The body is not what Content-Encoding says: {error}."
            raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="body") from None
        return content

    @contextmanager
    def holding(self, size: int) -> Generator[None]:
        """Count `size` bytes of a body that was read while the block works on it. Raises Problem 503."""
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
                if len(body) > self.max_bytes:
                    raise self._too_large()
                if not message["more_body"]:
                    return bytes(body)
        finally:
            self._held -= len(body)

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > BODIES_IN_MEMORY * self.max_bytes:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Too many large requests are being sent at once: try again in a second.",
                reason="bodies_full",
                headers={"Retry-After": "1"},
            )

    def _too_large(self) -> Problem:
        return Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is larger than {self.max_bytes // MIB} MiB: send a smaller picture, or fewer.",
            setting="max_body",
        )
