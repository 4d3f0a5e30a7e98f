"""Models for servers, and what the tests send them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from tests.handmade import bare_run, make_versions
from tests.onnx_models import linear_model, slow_model
from tests.service.inprocess import LocalService
from tests.serving import Served

PIXELS = {"pixels": np.full((28, 28), 255).tolist()}


@pytest.fixture(scope="session")
def linear_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model takes no time."""
    return bare_run(tmp_path_factory.mktemp("linear") / "run", linear_model())


@pytest.fixture(scope="session")
def slow_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model takes more than 0.1 s for any batch."""
    return bare_run(tmp_path_factory.mktemp("slow") / "run", slow_model(14))


@pytest.fixture(scope="session")
def models(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two versions, whose answers differ."""
    return make_versions(tmp_path_factory.mktemp("models"), real_digits)


def eventually(true: Callable[[], Any], what: str) -> Any:
    """Wait for something to become true, and give it."""
    for _ in range(1000):
        value = true()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"never came true: {what}")


def metric(server: Served | LocalService, name: str) -> float:
    """The sum over a metric's labels, from /metrics."""
    lines = server.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@contextmanager
def asking(server: Served, requests: int) -> Generator[list[httpx.Response | httpx.HTTPError]]:
    """Keep `requests` requests under way while the block runs; then the list holds all answers and failures."""
    outcomes: list[httpx.Response | httpx.HTTPError] = []

    def ask() -> None:
        try:
            outcomes.append(server.post("/v1/digits", json=PIXELS))
        except httpx.HTTPError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=ask) for _ in range(requests)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        for thread in threads:
            thread.join()


def statuses(outcomes: list[httpx.Response | httpx.HTTPError]) -> list[int]:
    """The answers' status codes, sorted; a failed connection is 0."""
    return sorted(one.status_code if isinstance(one, httpx.Response) else 0 for one in outcomes)


def check_problem(answer: httpx.Response, status: int, field: str | None) -> None:
    """Problem details with this status and this place, in a sentence that is not too long."""
    problem = answer.json()
    assert answer.status_code == problem["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem.get("field") == field
    assert set(problem) <= {"type", "title", "status", "detail", "field", "setting"}
    assert problem["detail"].endswith(".")
    assert len(problem["detail"]) < 400
