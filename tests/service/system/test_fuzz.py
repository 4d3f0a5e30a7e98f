"""Random requests, valid, nearly valid and invalid: no answer is the server's fault."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inkdigit.service.api_keys import add_key
from inkdigit.service.openapi.parts import page, pixels, png
from tests.service.raw import answers, connect, lasting, read, request
from tests.serving import Served, served

SECONDS = 8


@pytest.fixture(scope="module")
def hasty(linear_run: Path) -> Generator[Served]:
    """A server that waits a tenth of a second for a slow client."""
    with served("--model", linear_run, "--read-timeout", 0.1, "--keep-alive", 0.1, "--max-body", 1) as server:
        yield server


def no_mistakes(server: Served) -> None:
    """Nothing went wrong inside, and it serves on."""
    assert server.process.poll() is None
    lines = [json.loads(line) for line in server.log_file.read_text().splitlines()]
    faults = [line for line in lines if line["level"] == "error" or line.get("status", 0) >= 500]
    assert not faults, json.dumps(faults)
    assert server.get("/readyz").status_code == 200


def test_schemathesis_finds_no_answer_that_the_document_does_not_describe(linear_run: Path, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys", "schemathesis")
    with served("--model", linear_run, "--api-key-file", tmp_path / "keys", "--deadline", 60) as server:
        command = [Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json", "--no-color"]
        # Random bytes are not a picture: not everything that fits the schema is accepted.
        options = ["--exclude-checks", "positive_data_acceptance", "--max-time", SECONDS, "--seed", 4]
        command += ["--header", f"X-API-Key: {key}", *options]
        done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "27 selected / 27 total" in done.stdout
        no_mistakes(server)


def post(path: str, kind: str, body: bytes, *headers: str) -> bytes:
    return lasting(request(path, f"Content-Type: {kind}", *headers, method="POST", body=body))


DIGIT = json.dumps({"pixels": pixels()}).encode()
FORM = b'--b\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n%s\r\n--b--\r\n' % png()
TENSOR = {"name": "pixels", "shape": [1, 28, 28], "datatype": "UINT8", "data": pixels()}
SEEDS = [
    lasting(request("/metrics", "X-Request-ID: a")),
    post("/v1/digits?show=input", "application/json", DIGIT),
    post("/v1/digits", "image/png", png()),
    post("/v1/read?layout=line&min_confidence=0.5", "image/png", png(page())),
    post("/v1/read", "multipart/form-data; boundary=b", FORM),
    post("/v1/digits", "multipart/form-data; boundary=b", FORM),
    post(
        "/v1/digits", "application/json", b"%x\r\n%s\r\n0\r\n\r\n" % (len(DIGIT), DIGIT), "Transfer-Encoding: chunked"
    ),
    post("/v1/models/digits:predict", "application/json", json.dumps({"instances": [pixels()]}).encode()),
    post("/v2/models/digits/infer", "application/json", json.dumps({"inputs": [TENSOR]}).encode()),
    post("/v2/models/digits/infer", "application/octet-stream", 784 * b"\xff", "Inference-Header-Content-Length: 0"),
]
WORDS = st.sampled_from(
    [b"\r\n", b"\0", b"[", b"]", b"{", b'"', b"-1", b"1e999", b"NaN", b"\xff", b"%00", b": ", b"--b"]
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A request with parts of it lost, doubled or replaced by others; or random bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    message = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(message)) | st.integers(0, min(200, len(message))))
        length = draw(st.integers(0, 20))
        put = draw(st.just(b"") | WORDS | st.binary(max_size=8) | st.just(2 * message[start : start + length]))
        message = message[:start] + put + message[start + length :]
    return message


@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.generate, Phase.shrink],
)
@given(st.lists(messages(), min_size=10, max_size=10))
def test_nearly_valid_requests_never_cause_an_answer_of_the_servers_fault(hasty: Served, sent: list[bytes]) -> None:
    connections = [connect(hasty) for _ in sent]
    for connection, message in zip(connections, sent, strict=True):
        with suppress(ConnectionError):
            connection.sendall(message)
    for connection in connections:
        with connection:
            for answer in answers(read(connection)):
                assert 100 <= answer.status < 500


def test_afterwards_nothing_went_wrong_inside(hasty: Served) -> None:
    no_mistakes(hasty)
