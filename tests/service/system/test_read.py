"""POST /v1/read on a server: its deadline, its limit, and clients that close the connection."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from tests.pages import file, page
from tests.service.conftest import PIXELS, eventually
from tests.service.raw import connect, lasting, request
from tests.serving import served

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def two(real_digits: Dataset) -> bytes:
    """A picture of two lines."""
    return file("PNG", page(real_digits, "0522\n1859"))


@pytest.fixture(scope="module")
def long(real_digits: Dataset) -> bytes:
    """A document that takes seconds to read."""
    noise = np.random.default_rng(0).integers(200, 256, (1500, 2000), np.uint8)
    return file("TIFF", Image.fromarray(noise), [Image.fromarray(noise)] * 60, compression="jpeg")


def test_a_reading_past_the_deadline_is_ended_and_others_go_on(linear_run: Path, long: bytes, two: bytes) -> None:
    with served("--model", linear_run, "--read-deadline", 1, "--max-body", 64) as server:
        late = server.post("/v1/read", content=long, headers={"Content-Type": "image/tiff"})
        assert (late.status_code, late.json()["setting"]) == (504, "read_deadline")
        eventually(lambda: server.post("/v1/read", content=two, headers=PNG).status_code == 200, "an answer")


def test_readings_above_the_limit_are_refused_and_digits_are_answered(linear_run: Path, long: bytes) -> None:
    message = lasting(request("/v1/read", "Content-Type: image/tiff", method="POST", body=long))
    with served("--model", linear_run, "--max-reads", 1, "--read-deadline", 600, "--max-body", 64) as server:
        with connect(server) as connection:
            connection.sendall(message[:-200_000])
            time.sleep(0.5)
            connection.sendall(message[-200_000:])  # the last piece arrives in one, as on a busy machine

            def refused() -> Any:
                answer = server.post("/v1/read", content=b"x")  # of no type: it takes no room itself
                return answer.status_code == 503 and answer

            answer = eventually(refused, "a refusal")
            assert (answer.headers["retry-after"], answer.json()["setting"]) == ("1", "max_reads")
            assert server.post("/v1/digits", json=PIXELS).status_code == 200
        # The client has gone: nobody waits for the document any more.
        eventually(lambda: not refused(), "room")
        gone = eventually(lambda: [line for line in server.log() if line.get("status") == 499], "a line in the log")
        assert gone[0]["problem"] == "client_gone"


def test_what_only_reading_needs_never_runs_in_the_server(linear_run: Path, two: bytes) -> None:
    """Opening OpenCV takes longer than the rest of the start, and hostile pictures may crash it."""
    with served("--model", linear_run) as fresh:
        libraries = Path(f"/proc/{fresh.process.pid}/maps")
        if not libraries.exists():
            pytest.skip("there is no /proc here")
        assert fresh.post("/v1/read", content=two, headers=PNG).status_code == 200
        assert not any(name in libraries.read_text() for name in ("cv2", "pdfium"))
