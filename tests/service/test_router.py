"""The router: ids, methods, paths, errors of the server's own, and the log."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.service.problems import ClientGoneError
from inkdigit.service.router import MAX_LOGGED_PATH, Router
from tests.service.conftest import PIXELS, metric
from tests.service.inprocess import LocalService, local_service


@pytest.fixture(scope="module")
def server(linear_run: Path) -> Generator[LocalService]:
    with local_service(linear_run) as server:
        yield server


async def fail(_: Request) -> Response:
    raise RuntimeError("a secret")


async def go(_: Request) -> Response:
    raise ClientGoneError


@pytest.fixture
def faulty(server: LocalService) -> LocalService:
    """Routes whose endpoints fail."""
    routes = [Route("/fail", fail), Route("/gone", go)]
    return LocalService(server.service, Router(routes, server.service), server.loop)


def logged(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_a_request_id_is_kept_if_it_is_valid(server: LocalService) -> None:
    def answered(value: str) -> str:
        return server.get("/healthz", headers={"X-Request-ID": value.encode("latin-1")}).headers["x-request-id"]  # type: ignore[dict-item]

    assert answered("a.b:c/d+e=f-1") == "a.b:c/d+e=f-1"
    made = {answered(value) for value in ("x" * 5000, "<script>", "ÿþ", '{"a": 1}', "")}
    assert {len(each) for each in made} == {16}
    assert len(made) == 5


def test_every_request_has_a_line_in_the_log_with_its_id(
    server: LocalService, capfd: pytest.CaptureFixture[str]
) -> None:
    server.post("/v1/digits", json=PIXELS, headers={"X-Request-ID": "mine-1"})
    other = server.get("/nothing-here")
    first, second = logged(capfd)
    assert (first["id"], first["path"], first["status"]) == ("mine-1", "/v1/digits", 200)
    assert (second["id"], second["status"]) == (other.headers["x-request-id"], 404)


def test_a_line_in_the_log_stays_one_short_line(server: LocalService, capfd: pytest.CaptureFixture[str]) -> None:
    server.get("/%0a%7b%22level%22%3a%22error%22%7d%0d%1b[31m" + "x" * 5000)
    (line,) = logged(capfd)
    assert line["path"].startswith('/\n{"level"')
    assert len(line["path"]) == MAX_LOGGED_PATH


def test_an_unknown_path_is_404_and_a_wrong_method_405(server: LocalService) -> None:
    assert server.get("/nothing").status_code == 404
    answer = server.get("/v1/digits")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_a_page_has_its_headers_once_however_often_it_is_sent(server: LocalService) -> None:
    first, second = (server.get("/").headers.multi_items() for _ in range(2))
    assert [name for name, _ in first] == [name for name, _ in second]
    assert len({name for name, _ in second}) == len(second)


def test_a_fault_of_the_server_is_500_and_only_the_log_says_what(
    faulty: LocalService, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = faulty.get("/fail")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    (line,) = logged(capfd)
    assert line["level"] == "error"
    assert line["problem"] == "RuntimeError: a secret"


def test_a_client_that_has_gone_gets_no_answer_and_is_counted(
    server: LocalService, faulty: LocalService, capfd: pytest.CaptureFixture[str]
) -> None:
    before = metric(server, 'inkdigit_rejected_total{reason="client_gone"}')
    with pytest.raises(AssertionError):  # httpx: no answer was sent
        faulty.get("/gone")
    assert metric(server, 'inkdigit_rejected_total{reason="client_gone"}') == before + 1
    assert logged(capfd)[1]["status"] == 499


def test_a_full_queue_refuses_before_the_body_is_read(server: LocalService) -> None:
    with server.service.waiting.holding(server.service.settings.max_queue):
        answer = server.post("/v1/digits", content=b"not JSON")
        assert answer.status_code == 503
        assert answer.json()["setting"] == "max_queue"
        assert answer.headers["retry-after"] == "1"
        assert server.get("/healthz").status_code == 200
    assert server.post("/v1/digits", json=PIXELS).status_code == 200


def test_a_request_with_more_images_than_the_queue_is_answered_when_it_is_alone(linear_run: Path) -> None:
    with local_service(linear_run, max_queue=3) as server:
        answer = server.post("/v1/digits", json={"pixels": [PIXELS["pixels"]] * 9})
        assert len(answer.json()["results"]) == 9


def test_health_and_readiness(linear_run: Path) -> None:
    with local_service(linear_run) as server:
        assert server.get("/healthz").json() == {"status": "alive"}
        assert server.get("/readyz").json() == {"status": "ready", "version": "1"}
        server.service.draining = True
        assert server.get("/healthz").status_code == 200
        assert server.get("/readyz").status_code == 503
