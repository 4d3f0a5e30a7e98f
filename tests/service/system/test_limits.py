"""What is too much or too slow is refused, told with the setting that would allow it, and costs others nothing."""

from __future__ import annotations

import io
import select
import socket
import struct
import sys
import zlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.service.conftest import PIXELS, eventually, metric
from tests.service.raw import Answer, answers, connect, lasting, read, request, statuses, talk
from tests.serving import Served, served

MIB = 1 << 20
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
POST = lasting(request("/v1/digits", JSON, method="POST"))[:-2]  # to be continued with headers


@pytest.fixture(scope="module")
def narrow(linear_run: Path) -> Generator[Served]:
    """Takes 1 MiB, 4 images, pictures of a million pixels, and a second for everything a client does."""
    limits = ["--max-body", 1, "--max-images", 4, "--max-pixels", 1, "--read-timeout", 1, "--keep-alive", 1]
    with served("--model", linear_run, *limits) as server:
        yield server


def told(answer: httpx.Response | Answer, status: int, setting: str | None) -> dict[str, Any]:
    """The problem details, after a look at their form."""
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem.get("setting") == setting
    assert (f"setting {setting} " in problem["detail"]) == (setting is not None)
    return problem


def test_a_body_too_large_is_refused_by_its_length_and_the_connection_kept(narrow: Served) -> None:
    with narrow.client() as client:
        answer = client.post("/v1/digits", content=bytes(MIB + 1), headers={"Content-Type": "image/png"})
        told(answer, 413, "max_body")
        used = answer.extensions["network_stream"].get_extra_info("client_addr")
        after = client.post("/v1/digits", json=PIXELS)
        assert after.status_code == 200
        assert after.extensions["network_stream"].get_extra_info("client_addr") == used


def test_a_body_of_the_largest_size_is_read(narrow: Served) -> None:
    for content in (bytes(MIB), iter([bytes(MIB)])):  # with its length and in chunks
        answer = narrow.post("/v1/digits", content=content, headers={"Content-Type": "image/png"})
        assert answer.status_code == 422, answer.text


def test_a_body_too_large_is_refused_while_it_comes(narrow: Served) -> None:
    chunks = iter([bytes(100_000)] * 11)
    answer = narrow.post("/v1/digits", content=chunks, headers={"Content-Type": "image/png"})
    told(answer, 413, "max_body")


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
def test_what_never_ends_is_refused(narrow: Served, name: str) -> None:
    start, piece, status = ENDLESS[name]
    (answer,) = flood(narrow, start, piece)
    told(answer, status, "max_body" if status == 413 else None)


def test_headers_are_taken_up_to_the_limits(narrow: Served) -> None:
    def sent(count: int, size: int) -> Answer:
        (answer,) = talk(narrow, request("/healthz", *(f"X-{place}: {'a' * size}" for place in range(count))))
        return answer

    assert sent(98, 1).status == sent(1, 32_000).status == 200  # beside Host and Connection
    assert "100 headers of 32 KiB" in told(sent(99, 1), 431, None)["detail"]
    told(sent(1, 33_000), 431, None)


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


def test_who_is_too_slow_is_told_and_let_go(narrow: Served) -> None:
    with ThreadPoolExecutor(len(SLOW)) as pool:
        talks = {name: pool.submit(slowly, narrow, start, drop) for name, (start, drop, _) in SLOW.items()}
    found = {name: talk.result() for name, talk in talks.items()}
    assert {name: statuses(one) for name, one in found.items()} == {name: case[2] for name, case in SLOW.items()}
    for answer in (one[-1] for one in found.values() if one and one[-1].status == 408):
        told(answer, 408, "read_timeout")
        assert answer.headers["connection"] == "close"


def test_a_line_end_after_an_answer_is_no_reason_to_wait_longer(narrow: Served) -> None:
    with connect(narrow) as connection:
        connection.sendall(lasting(request()))
        assert connection.recv(1 << 16)
        connection.sendall(b"\r\n")
        assert read(connection) == b""


def test_who_does_not_read_the_answers_is_cut_off(narrow: Served) -> None:
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


def test_too_many_images_are_refused(narrow: Served) -> None:
    picture = drawing(40)
    many = {"pixels": [PIXELS["pixels"]] * 5}
    told(narrow.post("/v1/digits", json=many), 413, "max_images")
    files = [("file", (f"{place}.png", picture, "image/png")) for place in range(5)]
    told(narrow.post("/v1/digits", files=files), 413, "max_images")
    assert len(narrow.post("/v1/digits", files=files[:4]).json()["results"]) == 4


def drawing(side: int, kind: str = "PNG", mode: str = "L", **options: Any) -> bytes:
    """A picture file with a stroke of dark ink on light paper."""
    pixels = np.full((side, side), 250, np.uint8)
    pixels[side // 5 : -side // 5, 9 * side // 20 : 11 * side // 20] = 10
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says so in its header, and has no pixels at all."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(narrow: Served) -> None:
    for content in (png_of_size(20_000, 20_000), png_of_size(2**31 - 1, 2**31 - 1), drawing(1001)):
        answer = narrow.post("/v1/digits", content=content, headers={"Content-Type": "image/png"})
        assert told(answer, 422, "max_pixels")["field"] == "body"
    assert narrow.post("/v1/digits", content=drawing(1000), headers={"Content-Type": "image/png"}).status_code == 200


def test_preparing_a_picture_counts_towards_the_deadline(linear_run: Path) -> None:
    with served("--model", linear_run, "--deadline", 0.001) as server:
        content = drawing(5000, compress_level=1)
        told(server.post("/v1/digits", content=content, headers={"Content-Type": "image/png"}), 504, "deadline")


def test_large_bodies_at_once_are_refused_beyond_what_memory_is_set_aside(linear_run: Path) -> None:
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
            assert told(answer, 503, None)["title"] == "Service Unavailable"
            assert answer.headers["retry-after"] == "1"
        assert metric(server, 'inkdigit_rejected_total{reason="bodies_full"}') == 4
        for connection in connections:
            connection.sendall(b"\0")
            if connection not in refused:
                assert statuses(answers(connection.recv(1 << 16))) == [400]
            connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no ulimit")
def test_connections_that_ask_nothing_do_not_lock_others_out(linear_run: Path) -> None:
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
