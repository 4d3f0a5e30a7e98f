"""From the command to the first answer, and to the end: readiness, draining, signals, exit codes."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.service.conftest import PIXELS, asking, eventually, metric, statuses
from tests.serving import served


def test_it_is_ready_and_loads_no_training_framework(linear_run: Path) -> None:
    with served("--model", linear_run) as server:
        assert server.get("/readyz").json() == {"status": "ready", "version": "1"}
        maps = Path(f"/proc/{server.process.pid}/maps")
        if maps.exists():
            loaded = maps.read_text()
            assert "onnxruntime" in loaded
            assert "tensorflow" not in loaded
            assert "cv2" not in loaded


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_finishes_what_was_accepted_and_exits_with_0(slow_run: Path, number: signal.Signals) -> None:
    with served("--model", slow_run, "--grace", 0.2, "--max-batch", 1, "--deadline", 60) as server:
        with asking(server, 4) as outcomes:
            eventually(lambda: metric(server, "inkdigit_queue_depth") == 4, "four requests accepted")
            server.process.send_signal(number)
            assert server.process.wait(30) == 0
        assert statuses(outcomes) == [200] * 4


def test_readiness_turns_red_before_the_server_closes(linear_run: Path) -> None:
    with served("--model", linear_run, "--grace", 1.5) as server, server.client() as client:
        assert client.get("/readyz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        red = eventually(lambda: (answer := client.get("/readyz")).status_code != 200 and answer, "not ready")
        assert red.status_code == 503
        assert red.headers["connection"] == "close"
        assert client.post("/v1/digits", json=PIXELS).status_code == 200
        assert client.get("/healthz").status_code == 200
        assert server.process.wait(30) == 0


def test_second_signal_ends_at_once(linear_run: Path) -> None:
    with served("--model", linear_run, "--grace", 60) as server, server.client() as client:
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: client.get("/readyz").status_code == 503, "draining")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 128 + signal.SIGTERM


@pytest.mark.parametrize("workers", [1, 2])
def test_a_log_that_nobody_reads_holds_up_no_answer_and_not_the_end(linear_run: Path, workers: int) -> None:
    options = ["--model", linear_run, "--grace", 0, "--workers", workers]
    with served(*options, is_log_read=False) as server, server.client() as client:
        for _ in range(1000):  # a pipe takes 64 KiB
            assert client.get("/healthz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert server.process.stderr
        lines = server.process.stderr.read().splitlines()
        assert all(json.loads(line)["status"] == 200 for line in lines[:20])


# Python runs this before the server: once the file "hangs" is there, listing the folder never ends.
HANGING_FOLDER = """
import os, sys, time
def hook(event, arguments):
    if event in ("os.listdir", "os.scandir") and os.path.exists(os.path.join(str(arguments[0]), "hangs")):
        time.sleep(3600)
sys.addaudithook(hook)
"""


def test_a_folder_of_models_that_hangs_holds_up_no_answer_and_not_the_end(linear_run: Path, tmp_path: Path) -> None:
    models, hook = tmp_path / "models", tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HANGING_FOLDER)
    shutil.copytree(linear_run, models / "1")
    with served("--models", models, "--grace", 0, environment={"PYTHONPATH": str(hook)}) as server:
        (models / "hangs").touch()
        time.sleep(2.5)  # it looks at the folder every second
        assert server.post("/v1/digits", json=PIXELS).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def test_clients_that_hang_do_not_hold_up_the_end(linear_run: Path) -> None:
    options = ["--model", linear_run, "--grace", 0, "--read-timeout", 0.5, "--deadline", 0.5]
    with served(*options) as server:
        idle, half, slow = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(3))
        half.sendall(b"POST /v1/digits HTTP/1.1\r\nHost: x\r\n")
        slow.sendall(
            b"POST /v1/digits HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        for connection in (idle, half, slow):
            connection.close()
