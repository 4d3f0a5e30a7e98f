"""Files that a server reads and this machine draws: one that cannot be drawn is reported, and the others are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkdigit.reading.client import Server
from inkdigit.reading.file_reader import Options, remote_reader
from inkdigit.reading.file_results import read_files
from tests.errors import refused

READING = {
    "text": "7",
    "lines": [{"digits": [{"digit": 7, "confidence": 0.9, "probabilities": [0.1] * 10, "box": [20, 20, 30, 40]}]}],
    "rejected": [],
}


class SeeingServer(Server):
    """A server that reads a 7 in every file, even in those that no picture can be made of here."""

    def ask(self, route: str, file: Path, content: bytes, understand: Callable[[Any], Any]) -> Any:
        assert route.startswith("/v1/read?")
        assert content == file.read_bytes()
        return understand([READING])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "odd.png").write_bytes(b"another format")
    picture = Image.fromarray(np.full((100, 120), 255, np.uint8))
    for name in ("before.png", "after.png"):
        picture.save(tmp_path / name)
    return [tmp_path / name for name in ("before.png", "odd.png", "after.png")]


def test_a_picture_that_cannot_be_drawn_does_not_end_the_reading(files: list[Path], tmp_path: Path) -> None:
    options = Options("page", 0, tmp_path / "drawn")
    found = list(read_files(files, remote_reader(SeeingServer("http://localhost:1"), options)))
    assert [result.file for result in found] == files
    assert [result.result["text"] for result in found] == ["7"] * 3
    assert ["annotated" in result.result for result in found] == [True, False, True]
    assert [bool(result.error) for result in found] == [False, True, False]
    assert "odd.png" in str(found[1].error)
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["after.png", "before.png"]


def test_without_drawing_no_picture_is_opened_here(files: list[Path]) -> None:
    found = list(read_files(files, remote_reader(SeeingServer("http://localhost:1"), Options("page", 0, None))))
    assert [result.error for result in found] == [None] * 3


def test_a_folder_that_cannot_be_written_ends_the_reading(files: list[Path]) -> None:
    options = Options("page", 0, files[0] / "below a file")
    with refused("file-unwritable", "below a file"):
        list(read_files(files, remote_reader(SeeingServer("http://localhost:1"), options)))


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "127.0.0.1:8000", "http://127.0.0.1:port", "http://[::1", "http://a b"]
)
def test_an_address_that_is_not_valid_is_refused(url: str) -> None:
    with refused("server-address-invalid", url):
        Server(url)
