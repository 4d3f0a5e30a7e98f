"""The tutorial, followed from top to bottom: its commands run as they stand, on a Kaggle of ours with few digits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.conftest import part
from tests.kaggle_server import serving
from tests.paths import DOCS

TUTORIAL = DOCS / "tutorial.md"
TRAIN_ROWS, TEST_ROWS = 150, 50


def blocks(document: Path) -> list[tuple[str, str, str]]:
    """The line before each block of code, the block's language, and the block."""
    text = document.read_text(encoding="utf-8")
    found = re.findall(r"^([^\n]*)\n\n```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert 2 * len(found) == text.count("```"), "a block is not understood"
    return found


def follow(before: str, language: str, block: str, folder: Path, environment: dict[str, str]) -> str:
    """Do with a block what a reader does, and return what is printed."""
    named = re.search(r"Save this as `(.+)`", before)
    if named:
        (folder / named[1]).write_text(block, encoding="utf-8")
        return ""
    command = ["bash", "-e", "-c", block] if language == "sh" else [sys.executable, "-c", block]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block}\n{done.stderr}"
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are a shell's")
def test_every_command_works_and_kaggle_gets_the_submissions(real_digits: Dataset, tmp_path: Path) -> None:
    train = part(real_digits, slice(TRAIN_ROWS))
    test = part(real_digits, slice(TRAIN_ROWS, TRAIN_ROWS + TEST_ROWS), labelled=False)
    files = {
        "train.csv": b"".join(kaggle_csv.csv_text(train)),
        "test.csv": b"".join(kaggle_csv.csv_text(test)),
        "sample_submission.csv": kaggle_csv.submission_text(np.zeros(TEST_ROWS, np.int64)),
    }
    with serving(files) as site:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **site.environment, "PATH": path, "HOME": str(tmp_path / "home")}
        environment["INKDIGIT_CACHE"] = str(tmp_path / "cache")
        work = tmp_path / "work"
        work.mkdir()
        printed = [follow(*block, work, environment) for block in blocks(TUTORIAL)]
    assert [message for message, _ in site.submissions] == ["My first network", "fast"]
    assert site.submissions[1][1] == (work / "runs" / "fast" / "submission.csv").read_bytes()
    assert (work / "together.csv").read_bytes().count(b"\n") == 1 + TEST_ROWS
    assert (work / "logs" / "wider" / "training").is_dir()
    assert "dense = 512" in (work / "mine.toml").read_text()
    assert len(re.findall(r"\d", printed[-1])) == 10
