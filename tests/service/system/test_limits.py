"""Sockets with too much or too slow data: refused with the setting that would allow it, at no cost for others."""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.service.conftest import PIXELS, eventually, metric
from tests.service.raw import Answer, answers, connect, lasting, read, request, statuses, talk
from tests.serving import Served, served

MIB = 1 << 20
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
POST = lasting(request("/v1/digits", JSON, method="POST"))[:-2]  # to be continued with headers


@pytest.fixture(scope="module")
def narrow(linear_run: Path) -> Generator[Served]:
    """A server that accepts 1 MiB, and gives a client a second for everything."""
    limits = ["--max-body", 1, "--read-timeout", 1, "--keep-alive", 1]
    with served("--model", linear_run, *limits) as server:
        yield server


def problem_of(answer: httpx.Response | Answer, status: int, setting: str | None) -> dict[str, Any]:
    """The problem details, after a look at their form."""
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem.get("setting") == setting
    return problem


def test_a_body_too_large_is_refused_by_its_length_and_the_connection_kept(narrow: Served) -> None:
    with narrow.client() as client:
        answer = client.post("/v1/digits", content=bytes(MIB + 1), headers={"Content-Type": "image/png"})
        problem_of(answer, 413, "max_body")
        used = answer.extensions["network_stream"].get_extra_info("client_addr")
        after = client.post("/v1/digits", json=PIXELS)
        assert after.status_code == 200
        assert after.extensions["network_stream"].get_extra_info("client_addr") == used


def flood(server: Served, start: bytes, piece: bytes) -> list[Answer]:
    """Send the pieces until there is an answer, for 64 MiB at the most; then wait for the server to close."""
    with connect(server) as connection:
        connection.sendall(start)
        for _ in range(64 * MIB // len(piece)):
            if select.select([connection], [], [], 0)[0]:
                return answers(read(connection))
            with suppress(ConnectionError):
                connection.sendall(piece)
    raise AssertionError("it takes all that is sent")


ENDLESS = {
    "a chunked body": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(1 << 16) + b"\r\n", 413),
    "a declared body": (POST + b"Content-Length: 999999999999\r\n\r\n", bytes(1 << 16), 413),
    "a body that nobody reads": (
        lasting(request("/nothing", CHUNKED, method="POST")),
        b"10000\r\n" + bytes(1 << 16) + b"\r\n",
        404,
    ),
    "an address": (b"GET /", b"a" * (1 << 16), 431),
    "a header": (b"GET / HTTP/1.1\r\nX-A: ", b"a" * (1 << 16), 431),
    "headers": (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n" * 5000, 431),
    "a trailer": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-A: ", b"a" * (1 << 16), 431),
    "trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", b"X-A: b\r\n" * 5000, 431),
    "a chunk's extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * (1 << 16), 431),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_data_is_refused(narrow: Served, name: str) -> None:
    start, piece, status = ENDLESS[name]
    (answer,) = flood(narrow, start, piece)
    problem_of(answer, status, "max_body" if status == 413 else None)


def test_headers_are_taken_up_to_the_limits(narrow: Served) -> None:
    def sent(count: int, size: int) -> Answer:
        (answer,) = talk(narrow, request("/healthz", *(f"X-{place}: {'a' * size}" for place in range(count))))
        return answer

    assert sent(98, 1).status == sent(1, 32_000).status == 200  # beside Host and Connection
    problem_of(sent(99, 1), 431, None)
    problem_of(sent(1, 33_000), 431, None)


def slowly(server: Served, start: bytes, drop: bytes) -> list[Answer]:
    """Send the start, and a drop every now and then, until the server closes."""
    received = bytearray()
    with connect(server) as connection, suppress(ConnectionError):
        connection.sendall(start)
        for _ in range(600):
            if select.select([connection], [], [], 0.05)[0]:
                part = connection.recv(1 << 16)
                if not part:
                    return answers(bytes(received))
                received += part
            connection.sendall(drop)
        raise AssertionError("it waits for ever")
    return answers(bytes(received))


SLOW = {
    "nothing at all": (b"", b"", []),
    "line ends": (b"", b"\r\n", []),
    "half of the headers": (b"GET /healthz HTTP/1.1\r\nHo", b"", [408]),
    "headers byte by byte": (b"GET /healthz HTTP/1.1\r\nX-A: ", b"a", [408]),
    "headers without end": (b"GET /healthz HTTP/1.1\r\n", b"X-A: b\r\n", [408]),
    "no body": (POST + b"Content-Length: 1000\r\n\r\n", b"", [408]),
    "half of a body": (POST + b"Content-Length: 1000\r\n\r\n{", b"", [408]),
    "a body byte by byte": (POST + b"Content-Length: 1000\r\n\r\n", b" ", [408]),
    "a body chunk by chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", [408]),
    "nothing after an answer": (lasting(request()), b"", [200]),
    "half a request after an answer": (lasting(request()) + b"GET /healthz HTTP/1.1\r\nHo", b"", [200, 408]),
    "the rest of a body that was answered": (lasting(request("/healthz", "Content-Length: 1000")), b"a", [200]),
    "no rest of a body that was answered": (lasting(request("/healthz", "Content-Length: 1000")), b"", [200]),
}


def test_a_slow_client_gets_408_and_is_disconnected(narrow: Served) -> None:
    with ThreadPoolExecutor(len(SLOW)) as pool:
        talks = {name: pool.submit(slowly, narrow, start, drop) for name, (start, drop, _) in SLOW.items()}
    found = {name: talk.result() for name, talk in talks.items()}
    assert {name: statuses(one) for name, one in found.items()} == {name: case[2] for name, case in SLOW.items()}
    for answer in (one[-1] for one in found.values() if one and one[-1].status == 408):
        problem_of(answer, 408, "read_timeout")
        assert answer.headers["connection"] == "close"


def test_a_line_end_after_an_answer_does_not_prolong_the_wait(narrow: Served) -> None:
    with connect(narrow) as connection:
        connection.sendall(lasting(request()))
        assert connection.recv(1 << 16)
        connection.sendall(b"\r\n")
        assert read(connection) == b""


def test_a_client_that_does_not_read_its_answers_is_cut_off(narrow: Served) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", narrow.port))
        port = connection.getsockname()[1]
        connection.sendall(90 * lasting(request("/openapi.json")))  # far more comes back than the system keeps
        server = psutil.Process(narrow.process.pid)
        eventually(
            lambda: not [one for one in server.net_connections("tcp") if one.raddr and one.raddr.port == port],
            "the connection is gone",
        )


def test_large_bodies_at_once_are_refused_beyond_their_limit(linear_run: Path) -> None:
    start = POST + b"Content-Length: %d\r\n\r\n" % MIB
    with served("--model", linear_run, "--max-body", 1, "--read-timeout", 60) as server:
        connections = [connect(server) for _ in range(20)]
        for connection in connections:
            connection.sendall(start + bytes(MIB - 1))
        refused = eventually(lambda: len(select.select(connections, [], [], 0)[0]) >= 4 and connections, "four of them")
        refused = select.select(connections, [], [], 0)[0]
        assert len(refused) == 4  # 16 are read together
        for connection in refused:
            (answer,) = answers(connection.recv(1 << 16))
            assert problem_of(answer, 503, None)["title"] == "Service Unavailable"
            assert answer.headers["retry-after"] == "1"
        assert metric(server, 'inkdigit_rejected_total{reason="bodies_full"}') == 4
        for connection in connections:
            connection.sendall(b"\0")
            if connection not in refused:
                assert statuses(answers(connection.recv(1 << 16))) == [400]
            connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no ulimit")
def test_idle_connections_do_not_lock_others_out(linear_run: Path) -> None:
    with served("--model", linear_run, "--read-timeout", 600, "--keep-alive", 600, files=300) as server:
        limit = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)[0]
        idle = [connect(server) for _ in range(3 * limit)]
        for connection in idle:
            with suppress(ConnectionError):
                connection.sendall(b"GET /he")
        for _ in range(20):
            assert server.post("/v1/digits", json=PIXELS).status_code == 200
        left = set(idle) - set(select.select(idle, [], [], 0)[0])
        assert 0 < len(left) <= limit
        for connection in idle:
            connection.close()
