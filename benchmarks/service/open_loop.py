"""Load that does not wait for answers: requests at a set rate, over many connections.

wrk sends its next request only when the last is answered, so a server that slows down slows the load too. Here each
request has a time at which it is due, and its answer is timed from then.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import uvloop

from .digits import Request

PATIENCE = 30  # seconds to wait for the last answers
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Outcome:
    """The result of a load. times: milliseconds by status; unsent: requests due while every connection waited."""

    seconds: float = 0
    sent: int = 0
    unsent: int = 0
    unanswered: int = 0
    times: dict[int, list[float]] = field(default_factory=lambda: defaultdict[int, list[float]](list))
    late: list[float] = field(default_factory=list[float])

    def statuses(self) -> Counter[int]:
        return Counter({status: len(times) for status, times in self.times.items()})

    def percentile(self, status: int, percent: float) -> float:
        return float(np.percentile(self.times[status], percent)) if self.times[status] else float("nan")


def offer(port: int, requests: Sequence[Request], rate: float, seconds: float, connections: int) -> Outcome:
    """Send requests in turn, `rate` a second, and wait for their answers."""
    messages = [_message(request) for request in requests]
    return uvloop.run(_Load(port, connections).run(messages, rate, seconds))


def _message(request: Request) -> bytes:
    head = f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"Content-Type: {request.content_type}\r\nContent-Length: {len(request.body)}\r\n\r\n"
    return head.encode() + request.body


class _Load:
    def __init__(self, port: int, connections: int):
        self.port, self.connections = port, connections
        self.idle: deque[_Connection] = deque()
        self.outcome = Outcome()
        self.waiting = 0
        self.opening: set[asyncio.Task[None]] = set()

    async def run(self, messages: list[bytes], rate: float, seconds: float) -> Outcome:
        for _ in range(self.connections):
            await self.open()
        loop, outcome = asyncio.get_running_loop(), self.outcome
        started, due = loop.time(), 0
        while due < rate * seconds:
            now = loop.time() - started
            while due < min(now * rate, rate * seconds):
                self.send(messages[due % len(messages)], started + due / rate)
                due += 1
            await asyncio.sleep(0.001)
        outcome.seconds = loop.time() - started
        deadline = loop.time() + PATIENCE
        while self.waiting and loop.time() < deadline:
            await asyncio.sleep(0.01)
        outcome.unanswered += self.waiting
        return outcome

    async def open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: _Connection(self), "127.0.0.1", self.port)

    def send(self, message: bytes, due: float) -> None:
        if self.idle:
            self.outcome.sent += 1
            self.waiting += 1
            self.outcome.late.append(1000 * (asyncio.get_running_loop().time() - due))
            self.idle.popleft().send(message, due)
        else:
            self.outcome.unsent += 1

    def lost(self, connection: _Connection) -> None:
        """The server closed a connection: another takes its place; an answer it still owed will never come."""
        if connection in self.idle:
            self.idle.remove(connection)
        else:
            self.waiting -= 1
            self.outcome.unanswered += 1
        task = asyncio.get_running_loop().create_task(self.open())
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load):
        self.load, self.answer, self.due = load, b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.load.idle.append(self)

    def send(self, message: bytes, due: float) -> None:
        self.due = due
        self.transport.write(message)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self.answer, 0, end)
        if not length or len(self.answer) < end + 4 + int(length[1]):
            return
        load, status = self.load, int(self.answer[9:12])
        load.outcome.times[status].append(1000 * (asyncio.get_running_loop().time() - self.due))
        load.waiting -= 1
        self.answer = b""
        load.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.load.lost(self)
