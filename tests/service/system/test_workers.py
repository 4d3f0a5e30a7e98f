"""Several processes on one port."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from inkdigit.runs.run import MANIFEST
from inkdigit.service.log import flush
from inkdigit.service.metrics import DIRECTORY_VARIABLE
from inkdigit.service.settings import ServiceSettings
from inkdigit.service.sockets import listen
from inkdigit.service.workers import Workers
from tests.conftest import Command
from tests.disks import small_disk
from tests.handmade import bare_run
from tests.onnx_models import constant_model
from tests.service.conftest import PIXELS, asking, eventually, metric, statuses
from tests.service.system.test_command import one_line
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


def test_metrics_add_up_and_a_process_that_dies_is_replaced(linear_run: Path) -> None:
    with served("--model", linear_run, "--workers", 2) as server:
        before = {process.pid for process in workers(server)}
        assert len(before) == 2
        for _ in range(40):
            assert ask(server).status_code == 200
        assert metric(server, 'inkdigit_requests_total{method="POST",route="/v1/digits",status="200"}') == 40
        assert metric(server, "inkdigit_digits_total") == 40
        os.kill(min(before), signal.SIGKILL)
        eventually(lambda: len({process.pid for process in workers(server)} - before) == 1, "another process")
        assert ask(server).status_code == 200
        assert [line for line in server.log() if line["level"] == "error" and str(min(before)) in line["message"]]


def test_a_process_is_replaced_after_the_temporary_folder_was_cleared(linear_run: Path, tmp_path: Path) -> None:
    with served("--model", linear_run, "--workers", 2, environment={"TMPDIR": str(tmp_path)}) as server:
        before = {process.pid for process in workers(server)}
        for folder in tmp_path.glob("inkdigit-metrics-*"):
            shutil.rmtree(folder)
        os.kill(min(before), signal.SIGKILL)
        eventually(lambda: len({process.pid for process in workers(server)} - before) == 1, "another process")
        assert {ask(server).status_code for _ in range(20)} == {200}
        assert server.get("/metrics").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def test_processes_go_on_when_the_temporary_folder_is_full(linear_run: Path, tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "20m") as disk,
        served("--model", linear_run, "--workers", 2, environment={"TMPDIR": str(disk)}) as server,
    ):
        before = {process.pid for process in workers(server)}
        with suppress(OSError), (disk / "filler").open("wb") as file:
            while True:
                file.write(bytes(1 << 16))
        # Figures of routes and statuses that were not counted before need room of their own.
        assert {ask(server).status_code for _ in range(20)} == {200}
        assert {server.get(path).status_code for path in ("/v1/model", "/health/live", "/absent")} <= {200, 404}
        assert {process.pid for process in workers(server)} == before


def test_a_temporary_folder_without_room_is_refused_at_the_start(
    run_command: Command, linear_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        monkeypatch.setenv("TMPDIR", str(disk))
        assert str(disk) in one_line(run_command("serve", "--port", 0, "--model", linear_run, "--workers", 2))


def test_one_signal_drains_all(slow_run: Path) -> None:
    with served("--model", slow_run, "--workers", 2, "--grace", 0.5, "--deadline", 60) as server:
        processes = workers(server)
        with asking(server, 4) as outcomes:
            eventually(lambda: metric(server, "inkdigit_queue_depth") == 4, "four accepted")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
        assert statuses(outcomes) == [200] * 4
        assert not any(process.is_running() for process in processes)


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


def test_a_model_that_cannot_be_served_is_reported_once(run_command: Command, tmp_path: Path) -> None:
    assert "absent" in one_line(run_command("serve", "--port", 0, "--model", tmp_path / "absent", "--workers", 2))


@pytest.fixture
def own_signals() -> Generator[None]:
    """Restore the signal handlers that the workers set in this process."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
def test_processes_that_cannot_be_replaced_end_the_server_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = bare_run(tmp_path / "run", constant_model(1))
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    settings = ServiceSettings(port=0, model=str(run), workers=2, grace=0.0)
    supervisor = Workers(settings, listen(settings), lambda _: break_one(), pauses=(0.01, 0.01, 0.01))

    def break_one() -> None:
        (run / MANIFEST).unlink()
        os.kill(supervisor.process_ids[0], signal.SIGKILL)

    assert supervisor.run() == 1
    flush()  # where another test has left an event loop running in this thread, lines wait for it
    assert supervisor.process_ids == []
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert len([line for line in lines if line["level"] == "error" and str(run) in line["message"]]) == 1
