"""Several processes that look like one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.handmade import bare_run
from tests.onnx_models import constant_model
from tests.service.conftest import PIXELS, asking, eventually, metric, statuses
from tests.serving import Served, served


def workers(server: Served) -> list[psutil.Process]:
    """The processes that serve."""
    return [child for child in psutil.Process(server.process.pid).children() if listens(child)]


def listens(process: psutil.Process) -> bool:
    """Whether it has a socket that listens; one that has just ended has none."""
    try:
        return any(connection.status == "LISTEN" for connection in process.net_connections())
    except psutil.NoSuchProcess:
        return False


def ask(server: Served) -> httpx.Response:
    return server.post("/v1/digits", json=PIXELS)


def test_metrics_add_up_over_the_processes(linear_run: Path) -> None:
    with served("--model", linear_run, "--workers", 2) as server:
        assert len(workers(server)) == 2
        for _ in range(40):
            assert ask(server).status_code == 200
        assert metric(server, 'inkdigit_requests_total{method="POST",route="/v1/digits",status="200"}') == 40
        assert metric(server, "inkdigit_digits_total") == 40


def test_one_signal_drains_all(slow_run: Path) -> None:
    with served("--model", slow_run, "--workers", 2, "--grace", 0.5, "--deadline", 60) as server:
        processes = workers(server)
        with asking(server, 6) as outcomes:
            eventually(lambda: metric(server, "inkdigit_queue_depth") == 6, "six accepted")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
        assert statuses(outcomes) == [200] * 6
        assert not any(process.is_running() for process in processes)


def test_a_process_that_dies_is_replaced(linear_run: Path) -> None:
    with served("--model", linear_run, "--workers", 2) as server:
        before = {process.pid for process in workers(server)}
        os.kill(min(before), signal.SIGKILL)
        eventually(lambda: len({process.pid for process in workers(server)} - before) == 1, "another process")
        assert ask(server).status_code == 200
        assert any("is replaced" in line["message"] for line in server.log())


def test_they_end_with_the_process_that_started_them(linear_run: Path) -> None:
    with served("--model", linear_run, "--workers", 2, "--grace", 0) as server:
        processes = workers(server)
        server.process.kill()
        eventually(lambda: not any(process.is_running() for process in processes), "all gone")


def test_all_take_up_a_new_version(tmp_path: Path) -> None:
    bare_run(tmp_path / "models" / "1", constant_model(1))
    with served("--models", tmp_path / "models", "--workers", 2) as server:
        bare_run(tmp_path / "made", constant_model(2)).rename(tmp_path / "models" / "2")
        eventually(lambda: {ask(server).json()["model"]["version"] for _ in range(20)} == {"2"}, "all of them")


def test_a_model_that_cannot_be_served_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as told, served("--model", tmp_path / "absent", "--workers", 2):
        pass
    assert str(told.value).count("absent is not a folder") == 1
    assert "Traceback" not in str(told.value)
