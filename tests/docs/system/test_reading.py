"""The page on reading: its examples run as they stand, on pictures of real digits, and with a server."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from inkdigit.data.dataset import Dataset
from tests.conftest import Command
from tests.docs.system.test_tutorial import blocks, follow
from tests.pages import file, page
from tests.paths import DOCS
from tests.serving import served

PAGE = DOCS / "reading.md"


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are a shell's")
def test_every_example_reads_what_is_on_the_pictures(real_digits: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    (tmp_path / "photo.jpg").write_bytes(file("JPEG", page(real_digits, "0522\n1859")))
    (tmp_path / "scan.pdf").write_bytes(file("PDF", page(real_digits, "7"), resolution=200))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done: list[tuple[str, str]] = []
    with served() as server:
        for before, language, block in blocks(PAGE):
            if not re.search(r"\binkdigit(\.imaging\.documents)? (import|read)\b", block):
                continue
            text = block.replace("http://127.0.0.1:8000", server.url)
            done.append((block, follow(before, language, text, tmp_path, {**os.environ, "PATH": path})))
    printed = [printed for _, printed in done]
    two, one = "0522\n1859\n", "scan.pdf, page 1: 7\n"
    assert printed[:2] == [two, f"photo.jpg: 0522\nphoto.jpg: 1859\n{one}"]
    first, second = (json.loads(line) for line in printed[2].splitlines())
    assert (first["page"], first["text"], second["text"]) == (1, "7", two[:-1])
    assert printed[3].startswith(f"{two}[(0, ")
    assert printed[4:] == ["scan.pdf, page 1 ['7']\n", two, ""]


def test_every_option_is_documented(run_in_process: Command) -> None:
    text, options = PAGE.read_text(encoding="utf-8"), run_in_process("read", "--help").stdout
    for option in set(re.findall(r"--[a-z-]+", options)) - {"--help", "--form"}:
        assert f"`{option}" in text
