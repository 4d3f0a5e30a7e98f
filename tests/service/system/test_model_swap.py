"""Versions that come and go while requests are answered."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from tests.handmade import bare_run
from tests.onnx_models import constant_model
from tests.service.conftest import PIXELS, eventually
from tests.serving import Served, served


def answer(server: Served) -> tuple[str, int]:
    """The version that answers, and what it says."""
    content = server.post("/v1/digits", json=PIXELS).raise_for_status().json()
    return content["model"]["version"], content["results"][0]["digit"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Version 1, which says 1."""
    bare_run(tmp_path / "models" / "1", constant_model(1))
    return tmp_path / "models"


def place(folder: Path, version: int, digit: int) -> None:
    """A version put there as a whole, by renaming."""
    bare_run(folder.with_name("made"), constant_model(digit)).rename(folder / str(version))


def test_no_request_fails_while_versions_are_swapped(folder: Path) -> None:
    with served("--models", folder) as server:
        seen: list[tuple[str, int]] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                seen.append(answer(server))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for version in (2, 3, 4):
            place(folder, version, version)
            eventually(lambda version=version: (str(version), version) in seen, f"version {version}")
        shutil.rmtree(folder / "4")
        eventually(lambda: answer(server) == ("3", 3), "back to version 3")
        done.set()
        for thread in threads:
            thread.join()
    assert all(version == str(digit) for version, digit in seen)
    assert {version for version, _ in seen} == {"1", "2", "3", "4"}
