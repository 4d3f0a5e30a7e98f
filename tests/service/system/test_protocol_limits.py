"""The two protocols under the server's limits: its own, the key's, and while it shuts down."""

from __future__ import annotations

import signal
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from inkdigit.data.dataset import Dataset
from inkdigit.runs.run import ONNX_MODEL, read_run, write_manifest
from inkdigit.service import auth
from tests.conftest import part
from tests.handmade import make_run
from tests.serving import Served, served

PREDICT, INFER = "/v1/models/digits:predict", "/v2/models/digits/infer"
RAW = {"Inference-Header-Content-Length": "0"}


@pytest.fixture(scope="module")
def run(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model takes its time: it multiplies the pixels by one, several times over."""
    folder = tmp_path_factory.mktemp("runs") / "slow"
    make_run(folder, part(real_digits, slice(1000)), part(real_digits, slice(-100, None)))
    model = onnx.load(str(folder / ONNX_MODEL))
    model.graph.initializer.append(numpy_helper.from_array(np.eye(784, dtype=np.float32), "one"))
    nodes = model.graph.node
    multiply = next(node for node in nodes if node.op_type == "MatMul")
    for turn in range(4):
        again = helper.make_node("MatMul", [multiply.input[0], "one"], [f"turn {turn}"])
        multiply.input[0] = f"turn {turn}"
        nodes.insert(list(nodes).index(multiply), again)
    onnx.save(model, str(folder / ONNX_MODEL))
    write_manifest(folder, [ONNX_MODEL], read_run(folder).manifest)
    return folder


@pytest.fixture(scope="module")
def narrow(run: Path) -> Generator[Served]:
    limits = ["--max-body", 4, "--max-images", 512, "--max-queue", 1, "--deadline", 60]
    with served("--model", run, *limits) as server:
        yield server


def error(answer: httpx.Response) -> str:
    """The sentence of an error in the protocols' form."""
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    return answer.json()["error"]


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_a_body_too_large_is_413(narrow: Served, path: str) -> None:
    with narrow.client() as client:
        answer = client.post(path, content=bytes((4 << 20) + 1))
    assert answer.status_code == 413
    assert "max_body" in error(answer)


@pytest.mark.parametrize("path", [PREDICT, INFER])
def test_a_compressed_body_is_415(narrow: Served, path: str) -> None:
    with narrow.client() as client:
        answer = client.post(path, content=b"{}", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert "Content-Encoding" in error(answer)


def test_a_full_queue_is_503_on_both(narrow: Served) -> None:
    body = bytes(784 * 512)

    def post(path: str) -> httpx.Response:
        with narrow.client() as client:
            return client.post(path, content=body if path == INFER else b"{}", headers=RAW)

    refused: dict[str, httpx.Response] = {}
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for answer in pool.map(post, [INFER, INFER, PREDICT, PREDICT] * 8):
                assert answer.status_code in (200, 400, 503)
                if answer.status_code == 503:
                    refused[answer.request.url.path] = answer
            if len(refused) == 2:
                break
    assert set(refused) == {PREDICT, INFER}
    for answer in refused.values():
        assert "max_queue" in error(answer)
        assert answer.headers["retry-after"] == "1"


def test_an_answer_past_the_deadline_is_504_on_both(run: Path) -> None:
    with served("--model", run, "--max-images", 512, "--deadline", 0.001) as server, server.client() as client:
        raw = client.post(INFER, content=bytes(784 * 512), headers=RAW)
        rows = client.post(PREDICT, json={"instances": [[0] * 784] * 512})
    for answer in (raw, rows):
        assert answer.status_code == 504
        assert "deadline" in error(answer)


def test_everything_but_health_needs_the_key(run: Path, tmp_path: Path) -> None:
    key = auth.add(tmp_path / "keys", "tester")
    with served("--model", run, "--api-key-file", tmp_path / "keys") as server:
        with server.client() as client:
            for path in ("/v2/health/live", "/v2/health/ready"):
                assert client.get(path).status_code == 200
            metadata = ["/v1/models/digits", "/v1/models/digits/metadata", "/v2", "/v2/models/digits"]
            refused = [client.get(path) for path in [*metadata, "/v2/models/digits/ready", "/v1/models/mnist"]]
            refused += [client.post(path, content=b"{}") for path in (PREDICT, INFER)]
            for answer in refused:
                assert answer.status_code == 401
                assert "API key" in error(answer)
                assert answer.headers["www-authenticate"].startswith("Bearer")
        with server.client(headers={"Authorization": f"Bearer {key}"}) as client:
            assert {client.get(path).status_code for path in metadata} == {200}
            assert client.post(INFER, content=bytes(784), headers=RAW).status_code == 200


def test_a_server_that_shuts_down_is_alive_and_not_ready_and_answers(run: Path) -> None:
    rows: dict[str, Any] = {"instances": [[0] * 784]}
    with served("--model", run, "--grace", 60) as server, server.client() as client:
        assert client.get("/v2/health/ready").json() == {"ready": True}
        server.process.send_signal(signal.SIGTERM)
        assert any(client.get("/readyz").status_code == 503 for _ in range(1000))
        for path in ("/v2/health/ready", "/v2/models/digits/ready", "/v2/models/digits/versions/1/ready"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.json()["ready"] is False
        assert client.get("/v2/health/live").json() == {"live": True}
        assert client.get("/v1/models/digits").json()["model_version_status"][0]["state"] == "UNLOADING"
        assert client.post(PREDICT, json=rows).status_code == 200
        assert client.post(INFER, content=bytes(784), headers=RAW).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/digits:classify", "/v2/", "/v2/repository/index"])
def test_what_is_not_there_is_404_in_the_protocols_form(narrow: Served, path: str) -> None:
    with narrow.client() as client:
        answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no" in error(answer)


@pytest.mark.parametrize("path", ["/v1/models/digits", "/v2", INFER])
def test_a_wrong_method_is_405_in_the_protocols_form(narrow: Served, path: str) -> None:
    with narrow.client() as client:
        answer = client.delete(path)
    assert answer.status_code == 405
    assert "does not take DELETE" in error(answer)


@pytest.mark.parametrize("path", [PREDICT, PREDICT.replace(":", "/versions/1:"), INFER])
def test_to_predict_takes_a_post(narrow: Served, path: str) -> None:
    with narrow.client() as client:
        answer = client.get(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert f"{path} does not take GET" in error(answer)
