"""HTTP/1.1 on a connection to a client that may be slow, careless or hostile.

It extends uvicorn's protocol and depends on private parts of it: `uvicorn_internals` lists and checks them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools

from inkdigit.service.connection import SCOPE_KEY
from inkdigit.service.problems import MEDIA_TYPE, Problem
from inkdigit.service.uvicorn_internals import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MAX_HEADER_BYTES, MAX_HEADERS = 32 << 10, 100
MAX_PIPELINED = 100  # requests on a connection that wait for the answers to those before


class _OneWrite:
    """A transport that writes an answer's head together with its body: half the system calls, and full packets."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head = transport, b""
        self.is_closing, self.get_extra_info = transport.is_closing, transport.get_extra_info
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading
        self.abort, self.get_write_buffer_size = transport.abort, transport.get_write_buffer_size

    def write(self, data: bytes) -> None:
        """Keep the head of an answer until its body comes; write anything else."""
        if not self._head and data.endswith(b"\r\n\r\n") and data.startswith(b"HTTP/1.1 ") and data[9:10] != b"1":
            self._head = data
        else:
            data, self._head = self._head + data, b""
            self._transport.write(data)

    def flush(self) -> None:
        """Write a head that has no body."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Write what is left, and close."""
        self.flush()
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP, with bounds on headers and trailers, on pipelined requests, and on how long a client takes.

    A timer runs whenever the next step is the client's: to finish headers, to finish a body that was answered early,
    to read its answer. A body that is being read has a timer in `limits`; an idle connection has uvicorn's. Whatever
    breaks a bound is answered with problem details, unless another answer is being written, and closed.
    """

    def __init__(self, *, timeout: float, waiting: dict[Protocol, None], max_connections: int, **others: Any) -> None:
        """Start a connection.

        Args:
            timeout: of the timer, in seconds.
            waiting: the process's connections whose next step is the client's; the first has waited longest.
            max_connections: of the process; above it the connection that has waited longest is closed.
            others: what uvicorn passes.
        """
        super().__init__(**others)
        self._timeout, self._waiting, self._max_connections = timeout, waiting, max_connections
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self._in_message = self._in_headers = self._resuming = False
        self._surplus = 0  # bytes received for this message, less its body
        self._on_disconnect: Callable[[], object] | None = None
        self._running: RequestResponseCycle | None = None  # the request being answered; others may wait behind it

    @property
    def is_only_request(self) -> bool:
        """Whether this process answers no other request at the moment."""
        return len(self.tasks) <= 1

    @property
    def is_whole(self) -> bool:
        """Whether all of the body of the request being answered has arrived."""
        return not (self._running and self._running.more_body)

    def on_disconnect(self, call: Callable[[], object]) -> None:
        """Call `call` when the client closes the connection before it has its answer."""
        self._on_disconnect = call

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request."""
        self._writer: Any = _OneWrite(transport)
        super().connection_made(self._writer)
        if len(self.connections) > self._max_connections and self._waiting:
            next(iter(self._waiting))._close()
        self._waiting.setdefault(self)
        self._start(self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers, and report the loss to the requests under way."""
        if self._running:  # uvicorn reports it only to the latest request
            self._running.disconnected = True
            self._running.message_event.set()
        if self._on_disconnect:
            self._on_disconnect()
        self._waiting.pop(self, None)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes from the client, and start the timer if the next step is the client's."""
        self._unset_keepalive_if_required()
        message = self.scope
        rest = data
        try:
            while rest:
                rest = self._parse(rest)
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST, "This is not HTTP/1.1.")
        if self._in_message and self.scope is message:
            self._surplus += len(data)
        if self._surplus > MAX_HEADER_BYTES:
            self._refuse_headers()
        self._time_client()

    def _parse(self, data: bytes) -> bytes:
        """Parse; return what is left after a request to upgrade, which Java's client sends with every request.

        Nothing is upgraded: the rest is the request's body, and the parser, which has stopped, is replaced.
        """
        try:
            self.parser.feed_data(data)
            return b""
        except httptools.HttpParserUpgrade as upgrade:
            if self.transport.is_closing():
                return b""
            framing = [header for header in self.headers if header[0] in {b"content-length", b"transfer-encoding"}]
            self.parser = httptools.HttpRequestParser(self)
            self._in_message = self._resuming = self.cycle.more_body = True
            self.cycle.message_event.clear()
            lines = b"".join(b"%s: %s\r\n" % header for header in framing)
            return b"POST / HTTP/1.1\r\n%s\r\n" % lines + data[upgrade.args[0] :]

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._resuming:
            super().on_message_begin()
            self.scope[SCOPE_KEY] = self  # pyright: ignore[reportGeneralTypeIssues]
            self._in_message = self._in_headers = True
            self._surplus = 0

    def on_url(self, url: bytes) -> None:
        """Part of the address."""
        if not self._resuming:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; trailers, which come after a body, are dropped."""
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers have arrived: the next step is the server's."""
        if self._resuming or self.transport.is_closing():
            self._resuming = False
            return
        self._in_headers = False
        self._stop(self._too_slow)
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEADER_BYTES or len(self.headers) > MAX_HEADERS:
            self._refuse_headers()
        elif len(self.pipeline) >= MAX_PIPELINED:
            self._close()
        else:
            super().on_headers_complete()
            self._running = self._running if self.pipeline else self.cycle

    def on_body(self, body: bytes) -> None:
        """Part of a body. The framing of a chunk may be as large as the chunk."""
        if not self.transport.is_closing():
            self._surplus -= 2 * len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request has arrived."""
        self._in_message = False
        if not self.transport.is_closing():
            self._waiting.pop(self, None)
            self._stop(self._too_slow)
            super().on_message_complete()
            if not self.pipeline:
                # uvicorn stops reading at a large piece of a body, also at the last one: then nobody would notice that
                # the client has gone.
                self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """An answer is written."""
        self._on_disconnect = None
        self._writer.flush()
        self._running = self.pipeline[-1][0] if self.pipeline else self.cycle
        super().on_response_complete()
        if self.transport.is_closing() or (self._in_message and self.expect_100_continue):
            self._close()  # a client that asked before sending its body, and was refused, may not send it
        self._time_client()

    def pause_writing(self) -> None:
        """The client does not read its answers: start the timer."""
        super().pause_writing()
        self._start(self._abort)

    def resume_writing(self) -> None:
        """The client reads again: stop the timer."""
        super().resume_writing()
        self._stop(self._abort)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        self._close()

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """The latest request whose headers have come, with its answer."""
        return self.cycle

    def _time_client(self) -> None:
        """Start the timer if the next step is the client's."""
        latest = self._latest
        if self.transport.is_closing() or (latest and not latest.response_complete):
            return
        self._waiting.setdefault(self)
        if self._in_message:
            self._unset_keepalive_if_required()
            self._start(self._too_slow)
        elif latest and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _start(self, end: Callable[[], None]) -> None:
        if end not in self._timers:
            self._timers[end] = self.loop.call_later(self._timeout, end)

    def _stop(self, end: Callable[[], None]) -> None:
        if timer := self._timers.pop(end, None):
            timer.cancel()

    def _too_slow(self) -> None:
        if self._in_message:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.", setting="read_timeout")
        else:
            self._close()  # it was opened in advance

    def _refuse_headers(self) -> None:
        sentence = f"At most {MAX_HEADERS} headers of {MAX_HEADER_BYTES >> 10} KiB together are accepted."
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, sentence)

    def _refuse(self, status: HTTPStatus, sentence: str, setting: str | None = None) -> None:
        """Answer an invalid request, and close. No answer if the client would take it for that to another request."""
        if self.transport.is_closing():
            return
        self.logger.warning("A connection is closed: %s", sentence)
        latest = self._latest
        in_body = latest and self._in_message and not self._in_headers
        if not latest or (not (latest.response_started or self.pipeline) if in_body else latest.response_complete):
            body = Problem(status, sentence, setting=setting).to_json()
            head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status.value] + head.encode() + body)
        self._close()

    def _close(self) -> None:
        """Close after sending what is written, within the timeout."""
        self._waiting.pop(self, None)
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._start(self._abort)

    def _abort(self) -> None:
        self.transport.abort()
