"""What hostile and careless clients send on a connection: each gets its answer or none, and the server goes on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.service.conftest import PIXELS, eventually, metric
from tests.service.raw import connect, lasting, request, statuses, talk
from tests.serving import Served, served

DIGIT = json.dumps(PIXELS).encode()
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"


def post(*headers: str, body: bytes = DIGIT, path: str | bytes = "/v1/digits", kind: str = JSON) -> bytes:
    return request(path, kind, *headers, method="POST", body=body)


def chunks(*parts: bytes, end: bytes = b"\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + end


@pytest.fixture(scope="module")
def server(linear_run: Path) -> Generator[Served]:
    # Its timeouts are so long that no client is let go for being slow.
    with served("--model", linear_run, "--read-timeout", 600, "--keep-alive", 600) as server:
        yield server
        # After all the tests it still serves, nothing went wrong inside, and the whole log is lines of JSON.
        assert server.post("/v1/digits", json=PIXELS).status_code == 200
        assert server.process.poll() is None
        lines = [json.loads(line) for line in server.log_file.read_text().splitlines()]
        assert [line for line in lines if line["level"] == "error" or line.get("status") == 500] == []


INVALID_HTTP = {
    "garbage": bytes(range(256)),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/4": request(version="4.0"),
    "an unknown method": request(method="BREW"),
    "a method in small letters": request(method="get"),
    "CONNECT": request("elsewhere.example:80", method="CONNECT"),
    "an invalid address": request("http://[/healthz"),
    "a path that is not ASCII": request("/é".encode()),
    "a parameter that is not ASCII": request(b"/v1/digits?show=\xff"),
    "a bare line feed": request().replace(b"\r\n", b"\n"),
    "a folded header": request("/healthz", "X-A: b\r\n c"),
    "a header with NUL": request("/healthz", "X-A: \0"),
    "a header without a name": request("/healthz", ": b"),
    "a blank before the colon": request("/healthz", "X-A : b"),
    "two lengths": post(f"Content-Length: {len(DIGIT)}", "Content-Length: 5"),
    "twice the same length": post(f"Content-Length: {len(DIGIT)}", f"Content-Length: {len(DIGIT)}"),
    "a length and chunks": post("Content-Length: 5", CHUNKED, body=chunks(DIGIT)),
    "chunks and a length": post(CHUNKED, "Content-Length: 5", body=chunks(DIGIT)),
    "a negative length": post("Content-Length: -1"),
    "a length with a sign": post("Content-Length: +5"),
    "a length beyond all numbers": post("Content-Length: 99999999999999999999999"),
    "an unknown coding": post("Transfer-Encoding: bogus"),
    "chunks that are not the outermost coding": post("Transfer-Encoding: chunked, gzip", body=chunks(DIGIT)),
    "a chunk of no size": post(CHUNKED, body=b"zz\r\nabc"),
    "a chunk beyond all sizes": post(CHUNKED, body=b"fffffffffffffffff\r\nabc"),
}


@pytest.mark.parametrize("name", INVALID_HTTP)
def test_invalid_http_gets_400_and_the_connection_is_closed(server: Served, name: str) -> None:
    (answer,) = talk(server, INVALID_HTTP[name])
    assert answer.status == answer.json()["status"] == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"


UNUSUAL = {
    "HTTP/1.0": (request(version="1.0"), [200]),
    "HTTP/2.0 in words": (request(version="2.0"), [200]),
    "no host": (request().replace(b"Host: here\r\n", b""), [200]),
    "an invalid host": (request("/nothing").replace(b"Host: here", b"Host: [a b/?#:99999"), [404]),
    "an invalid host, and a parameter": (post(path="/v1/digits?show=input").replace(b": here", b": ["), [200]),
    "an absolute address": (request("http://elsewhere.example/healthz"), [200]),
    "an escaped path": (request("/%68ealth%7A"), [200]),
    "escapes that are not UTF-8": (request("/%ff%fe"), [404]),
    "escapes that are not UTF-8 in a parameter": (post(path="/v1/digits?show=%ff"), [422]),
    "a path with NUL": (request("/healthz%00"), [404]),
    "a path out of the folder": (request("/web/../../../../etc/passwd"), [404]),
    "an escaped path out of the folder": (request("/web/%2e%2e/%2e%2e/settings.py"), [404]),
    "a path out of the folder with backslashes": (request("/web/..\\..\\settings.py"), [404]),
    "the server as such": (request("*", method="OPTIONS"), [404]),
    "OPTIONS": (request(method="OPTIONS"), [405]),
    "TRACE": (request(method="TRACE"), [405]),
    "PURGE": (request(method="PURGE"), [405]),
    "a body of a GET": (request(body=b"abcde"), [200]),
    "one after the other, without waiting": (2 * lasting(request()) + request(), [200] * 3),
    "a body that is not read, then another request": (
        lasting(post(body=bytes(100_000), path="/nothing")) + request(),
        [404, 200],
    ),
    "a request for permission to send": (post("Expect: 100-continue"), [100, 200]),
    "a request for permission to send too much": (
        lasting(post("Expect: 100-continue", "Content-Length: 99999999", body=b"")),
        [413],
    ),
    "an unknown expectation": (post("Expect: tea"), [200]),
    "chunks": (post(CHUNKED, body=chunks(DIGIT[:1], DIGIT[1:700], DIGIT[700:])), [200]),
    "a chunk with an extension": (post(CHUNKED, body=chunks(DIGIT).replace(b"\r\n", b";a=b\r\n", 1)), [200]),
    "chunks with trailers": (post(CHUNKED, body=chunks(DIGIT, end=b"X-API-Key: late\r\n\r\n")), [200]),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_http_is_answered_as_the_standard_says(server: Served, name: str) -> None:
    sent, expected = UNUSUAL[name]
    assert statuses(talk(server, sent)) == expected


def test_head_has_the_headers_and_no_body(server: Served) -> None:
    (head,), (get,) = talk(server, request(method="HEAD")), talk(server, request())
    assert head.status == 200
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))
    assert head.body == b""


@pytest.mark.parametrize("body", [b"", DIGIT], ids=["no body", "a body"])
@pytest.mark.parametrize("size", [7, 200, 100_000])
def test_an_upgrade_is_ignored(server: Served, body: bytes, size: int) -> None:
    """Java's client asks for HTTP/2 with every request it makes."""
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAB")
    asked = lasting(post(*upgrade, body=body) if body else request("/healthz", *upgrade))
    sent = asked + lasting(request("/readyz", "Connection: Upgrade", "Upgrade: websocket")) + request()
    found = talk(server, *(sent[start : start + size] for start in range(0, len(sent), size)))
    assert statuses(found) == [200, 200, 200]
    assert len(found[0].json().get("results", [])) == bool(body)
    assert found[1].json()["status"] == "ready"


def test_a_client_that_pipelines_too_much_is_cut_off(server: Served) -> None:
    (*answered, last) = talk(server, 90 * lasting(request()) + request())
    assert statuses(answered) == [200] * 90
    assert last.status == 200
    assert len(talk(server, 5000 * lasting(request()))) < 5000


def test_a_client_that_stops_sending_is_let_go(server: Served) -> None:
    with connect(server) as connection:
        connection.sendall(post()[:-10])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""


def test_answers_go_on_when_nobody_reads_the_log(linear_run: Path) -> None:
    command = [Path(sys.executable).with_name("inkdigit"), "serve", "--port", "0", "--model", linear_run]
    connections: set[object] = set()
    reader, writer = os.pipe()
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=writer, text=True) as process:
        try:
            os.close(writer)
            os.close(reader)
            assert process.stdout
            port = int(process.stdout.readline().rpartition("/ ")[0].rpartition(":")[2])
            with httpx.Client(verify=False) as client:
                for _ in range(3):
                    answer = client.post(f"http://127.0.0.1:{port}/v1/digits", json=PIXELS)
                    assert answer.status_code == 200
                    connections.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
            assert len(connections) == 1
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_client_that_goes_with_pipelined_requests_causes_no_error(slow_run: Path) -> None:
    with served("--model", slow_run, "--max-batch", 1, "--deadline", 60) as server:
        for last in (lasting(post()), b"no HTTP\r\n\r\n"):
            with connect(server) as connection:
                connection.sendall(2 * lasting(post()))
                eventually(lambda: metric(server, "inkdigit_queue_depth") == 1, "the first is under way")
                connection.sendall(last)
            eventually(lambda: metric(server, "inkdigit_queue_depth") == 0, "nobody waits")
        assert server.post("/v1/digits", json=PIXELS).status_code == 200
        lines = [json.loads(line) for line in server.log_file.read_text().splitlines()]
        assert [line for line in lines if line["level"] == "error"] == []
        assert len([line for line in lines if line.get("status") == 499]) == 2
