"""Versions that come, go and break while requests are answered."""

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


def errors(server: Served) -> list[str]:
    """What the log tells of errors."""
    return [line["message"] for line in server.log() if line["level"] == "error"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Version 1, which says 1."""
    bare_run(tmp_path / "models" / "1", constant_model(1))
    return tmp_path / "models"


def place(folder: Path, version: int, digit: int) -> None:
    """A version put there as a whole, by renaming."""
    bare_run(folder.with_name("made"), constant_model(digit)).rename(folder / str(version))


def test_the_highest_answers_and_a_removed_one_rolls_back(folder: Path) -> None:
    with served("--models", folder) as server:
        assert answer(server) == ("1", 1)
        place(folder, 2, 2)
        place(folder, 10, 3)
        eventually(lambda: answer(server) == ("10", 3), "version 10")
        shutil.rmtree(folder / "10")
        eventually(lambda: answer(server) == ("2", 2), "back to version 2")
        shutil.rmtree(folder / "1")
        shutil.rmtree(folder / "2")
        eventually(lambda: not list(folder.iterdir()), "empty")
        assert answer(server) == ("2", 2)


def test_a_version_copied_file_by_file_is_taken_up_when_it_is_whole(folder: Path) -> None:
    made = bare_run(folder.with_name("copied"), constant_model(2))
    with served("--models", folder) as server:
        (folder / "2").mkdir()
        shutil.copy(made / "model.onnx", folder / "2")
        place(folder, 3, 3)
        eventually(lambda: answer(server) == ("3", 3), "version 3")
        shutil.rmtree(folder / "3")
        eventually(lambda: answer(server) == ("1", 1), "version 2 is still not whole")
        shutil.copy(made / "manifest.json", folder / "2")
        eventually(lambda: answer(server) == ("2", 2), "version 2")
        assert errors(server) == []


def test_a_broken_version_is_refused_with_a_line_and_the_old_one_stays(folder: Path) -> None:
    with served("--models", folder) as server:
        bare_run(folder / "2", constant_model(2))
        changed = bare_run(folder.with_name("made"), constant_model(2))
        with (changed / "model.onnx").open("ab") as file:
            file.write(b"more")
        changed.rename(folder / "3")
        bare_run(folder / "4", b"no ONNX at all")
        eventually(lambda: answer(server) == ("2", 2), "version 2")
        lines = eventually(
            lambda: (e := [line for line in server.log() if line["level"] == "error"])[1:] and e, "lines"
        )
        told = " ".join(line["message"] for line in lines)
        assert "Version 3 is refused" in told
        assert "SHA-256" in told
        assert "Version 4 is refused" in told
        shutil.rmtree(folder / "3")
        place(folder, 3, 5)
        eventually(lambda: answer(server) == ("3", 5), "version 3, mended")


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
        done.set()
        for thread in threads:
            thread.join()
    assert all(version == str(digit) for version, digit in seen)
    assert {version for version, _ in seen} == {"1", "2", "3", "4"}


def test_a_folder_without_a_version_that_works_does_not_start(folder: Path) -> None:
    (folder / "1" / "model.onnx").write_bytes(b"")
    with pytest.raises(AssertionError, match="holds no model to serve"), served("--models", folder):
        pass
