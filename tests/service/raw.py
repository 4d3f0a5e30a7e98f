"""Bytes on a socket, as no client library would send them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.serving import Served

PATIENCE = 30.0  # seconds: an answer that takes longer is not coming


@dataclass(frozen=True)
class Answer:
    """One of the answers on a connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's content."""
        return json.loads(self.body)


def request(
    path: str | bytes = "/healthz", *headers: str, method: str = "GET", body: bytes = b"", version: str = "1.1"
) -> bytes:
    """A request, with the length of its body unless it says otherwise; the last on its connection."""
    lines = ["Host: here", "Connection: close", *headers]
    if body and not any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    start = b"%s %s HTTP/%s" % (method.encode(), path if isinstance(path, bytes) else path.encode(), version.encode())
    return b"\r\n".join([start, *(line.encode("latin-1") for line in lines), b"", body])


def lasting(message: bytes) -> bytes:
    """A request that is not the last on its connection."""
    return message.replace(b"Connection: close\r\n", b"")


def connect(server: Served) -> socket.socket:
    """A connection of its own."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is sent in parts arrives in parts
    return connection


def talk(server: Served, *parts: bytes) -> list[Answer]:
    """Send all of it, and read until the server closes."""
    with connect(server) as connection:
        with suppress(ConnectionError):  # it need not read all of it
            for part in parts:
                connection.sendall(part)
        return answers(read(connection))


def read(connection: socket.socket) -> bytes:
    """What comes until the server closes. Raises TimeoutError where it does not."""
    received = bytearray()
    with suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            received += part
    return bytes(received)


def answers(received: bytes) -> list[Answer]:
    """The answers in what came from a server, each with its length."""
    found: list[Answer] = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        found.append(Answer(int(start.split()[1]), headers, received[:length]))
        received = received[length:]
    return found


def statuses(found: Iterable[Answer]) -> list[int]:
    """The status of each."""
    return [answer.status for answer in found]
