"""The two protocols under the server's limits, behind keys, while it shuts down, and at paths that do not exist."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inkdigit.service.api_keys import add_key
from tests.handmade import bare_run
from tests.onnx_models import slow_model
from tests.service.inprocess import LocalService, local_service

PREDICT, INFER = "/v1/models/digits:predict", "/v2/models/digits/infer"
RAW = {"Inference-Header-Content-Length": "0"}
INK = 784 * b"\xff"
ROWS: dict[str, Any] = {"instances": [[255] * 784]}


@pytest.fixture(scope="module")
def server(linear_run: Path) -> Generator[LocalService]:
    with local_service(linear_run, max_body=1, max_queue=3) as server:
        yield server


def error(answer: httpx.Response) -> str:
    """The error in the protocols' form."""
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    return answer.json()["error"]


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_a_body_too_large_is_413(server: LocalService, path: str) -> None:
    answer = server.post(path, content=bytes((1 << 20) + 1))
    assert answer.status_code == 413
    assert "max_body" in error(answer)


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_a_body_packed_in_another_way_is_415(server: LocalService, path: str) -> None:
    answer = server.post(path, content=b"{}", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415
    assert "Content-Encoding" in error(answer)


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_a_full_queue_is_503(server: LocalService, path: str) -> None:
    with server.service.waiting.holding(3):
        answer = server.post(path, content=b"{}")
    assert answer.status_code == 503
    assert "max_queue" in error(answer)
    assert answer.headers["retry-after"] == "1"
    assert server.post(INFER, content=INK, headers=RAW).status_code == 200


def test_an_answer_past_the_deadline_is_504_in_both(tmp_path: Path) -> None:
    with local_service(bare_run(tmp_path / "run", slow_model(3)), deadline=0.001) as server:
        raw = server.post(INFER, content=INK, headers=RAW)
        rows = server.post(PREDICT, json=ROWS)
    for answer in (raw, rows):
        assert answer.status_code == 504
        assert "deadline" in error(answer)


def test_everything_but_health_needs_the_key(linear_run: Path, tmp_path: Path) -> None:
    key = {"Authorization": f"Bearer {add_key(tmp_path / 'keys', 'tester')}"}
    metadata = ["/v1/models/digits", "/v1/models/digits/metadata", "/v2", "/v2/models/digits"]
    with local_service(linear_run, api_key_file=str(tmp_path / "keys")) as server:
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert server.get(path).status_code == 200
        without_key = [server.get(path) for path in [*metadata, "/v2/models/digits/ready", "/v1/models/mnist"]]
        without_key += [server.post(path, content=b"{}") for path in (PREDICT, INFER)]
        for answer in without_key:
            assert answer.status_code == 401
            assert error(answer)
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert {server.get(path, headers=key).status_code for path in metadata} == {200}
        assert server.post(INFER, content=INK, headers=RAW | key).status_code == 200


def test_a_server_that_shuts_down_is_alive_not_ready_and_still_answers(linear_run: Path) -> None:
    with local_service(linear_run) as server:
        assert server.get("/v2/health/ready").json() == {"ready": True}
        server.service.draining = True
        assert server.get("/readyz").status_code == 503
        for path in ("/v2/health/ready", "/v2/models/digits/ready", "/v2/models/digits/versions/1/ready"):
            answer = server.get(path)
            assert answer.status_code == 503
            assert answer.json()["ready"] is False
            assert answer.headers["connection"] == "close"
        assert server.get("/v2/health/live").json() == {"live": True}
        assert server.get("/v1/models/digits").json()["model_version_status"][0]["state"] == "UNLOADING"
        assert server.post(PREDICT, json=ROWS).status_code == 200
        assert server.post(INFER, content=INK, headers=RAW).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models/digits:classify", "/v2/", "/v2/repository/models/digits/load"])
def test_an_unknown_path_is_404_in_the_protocols_form(server: LocalService, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 404
    assert error(answer)


@pytest.mark.parametrize("path", ["/v1/models/digits", "/v2", INFER])
def test_a_wrong_method_is_405_in_the_protocols_form(server: LocalService, path: str) -> None:
    answer = server.request("DELETE", path)
    assert answer.status_code == 405
    assert path in error(answer)


@pytest.mark.parametrize("path", [PREDICT, PREDICT.replace(":", "/versions/1:"), INFER])
def test_a_prediction_needs_a_post(server: LocalService, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert path in error(answer)
