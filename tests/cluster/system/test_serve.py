"""The API on Ray Serve, beside the plain server."""

from __future__ import annotations

import io
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from tests.cluster.system.conftest import Cluster, free_port
from tests.conftest import Command
from tests.handmade import make_run
from tests.service.conftest import eventually
from tests.serving import Served, served

KEY = "a" * 43
REPLICA = "ServeReplica"


@pytest.fixture(scope="module")
def run(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("models") / "run", real_digits, real_digits)


@pytest.fixture(scope="module")
def on_ray(cluster: Cluster, run: Path) -> Generator[Served]:
    options = ["--engine", "ray", "--model", run, "--port", free_port(), "--max-images", 4]
    with served(*options, environment=cluster.environment) as server:
        yield server


@pytest.fixture(scope="module")
def plain(run: Path) -> Generator[Served]:
    with served("--model", run, "--max-images", 4) as server:
        yield server


def png(image: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "png")
    return stream.getvalue()


def test_it_responds_as_the_plain_server_does(on_ray: Served, plain: Served, real_digits: Dataset) -> None:
    digits = [real_digits.images[number] for number in range(5)]
    pixels = [digit.tolist() for digit in digits]
    page = np.full((120, 300), 255, np.uint8)
    page[30:58, 40:68], page[30:58, 80:108] = 255 - digits[0], 255 - digits[1]
    picture = {"Content-Type": "image/png"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/healthz", {}),
        ("GET", "/readyz", {}),
        ("GET", "/", {}),
        ("GET", "/nothing", {}),
        ("POST", "/v1/digits", {"json": {"pixels": pixels[0]}}),
        ("POST", "/v1/digits", {"json": {"pixels": pixels[:4]}}),
        ("POST", "/v1/digits", {"json": {"pixels": pixels}}),  # too many
        ("POST", "/v1/digits", {"content": png(digits[0]), "headers": picture}),
        ("POST", "/v1/digits", {"content": b"no picture", "headers": picture}),
        ("POST", "/v1/read", {"content": png(page), "headers": picture}),
        ("POST", "/v1/models/digits:predict", {"json": {"instances": pixels[:2]}}),
    ]
    with on_ray.client() as one, plain.client() as other:
        for method, path, content in asked:
            ours, theirs = one.request(method, path, **content), other.request(method, path, **content)
            assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content), path
            assert ours.headers["content-type"] == theirs.headers["content-type"]
            assert "," not in ours.headers["x-request-id"]


def replicas(cluster: Cluster) -> set[int]:
    """The processes of the replicas."""
    children = [child for node in cluster.nodes for child in psutil.Process(node.pid).children(recursive=True)]
    return {child.pid for child in children if REPLICA in " ".join(child.cmdline())}


def test_a_replica_that_dies_is_replaced_and_requests_go_on(
    cluster: Cluster, on_ray: Served, real_digits: Dataset
) -> None:
    content = {"pixels": real_digits.images[0].tolist()}
    before = on_ray.post("/v1/digits", json=content)
    killed = replicas(cluster)
    assert killed
    for pid in killed:
        psutil.Process(pid).kill()

    def responds() -> bool:
        try:
            return on_ray.post("/v1/digits", json=content).content == before.content
        except httpx.HTTPError:
            return False

    eventually(responds, "a response of another replica")
    assert replicas(cluster).isdisjoint(killed)
    assert [on_ray.post("/v1/digits", json=content).status_code for _ in range(20)] == [200] * 20


def test_settings_that_make_no_sense_on_ray_are_refused(run_command: Command, tmp_path: Path) -> None:
    for option, value, words in (
        ("workers", 2, "workers"),
        ("models", tmp_path, "models"),
        ("grace", 3, "grace"),
        ("port", 0, "port"),
        ("model", tmp_path, "holds no finished run"),
        ("api-key-file", tmp_path / "nothing", "API keys"),
    ):
        refused = run_command("serve", "--engine", "ray", f"--{option}", value)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_second_server_is_refused_and_sigterm_ends_the_first(
    cluster: Cluster, on_ray: Served, run_command: Command
) -> None:
    second = cluster.command("serve", "--engine", "ray", "--port", free_port())
    assert second.returncode == 2
    assert "serve shutdown" in second.stderr
    on_ray.process.send_signal(signal.SIGTERM)
    assert on_ray.process.wait() == 0
    assert not replicas(cluster)
    with pytest.raises(httpx.ConnectError):
        on_ray.get("/healthz")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = cluster.command("serve", "--engine", "ray", "--port", port)
    assert refused.returncode == 2
    assert f"port {port}" in refused.stderr
    assert refused.stderr.count("\n") == 1
