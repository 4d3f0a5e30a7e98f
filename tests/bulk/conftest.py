"""A model that answers at once, real digits in files, and processes that end when they should not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from inkdigit.data.dataset import Dataset
from tests.conftest import part
from tests.data.formats import parquet as write_parquet
from tests.handmade import make_run

Bulk = Callable[..., subprocess.CompletedProcess[str]]

# Python runs this before anything else, in each of the command's processes. `child`: is it one that does parts?
HOOK = """
import os, signal, sys
def hook(event, arguments):
    child = "--multiprocessing-fork" in sys.argv or any("spawn_main" in word for word in sys.orig_argv)
    {body}
sys.addaudithook(hook)
"""


@pytest.fixture(scope="session")
def linear_run(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model takes no time. Read it, never change it."""
    return make_run(tmp_path_factory.mktemp("linear") / "run", part(real_digits, slice(4000)), real_digits)


@pytest.fixture
def bulk(tmp_path: Path, linear_run: Path) -> Bulk:
    """Runs `inkdigit bulk` with that model. hook: what befalls its processes, as Python that knows `event`,
    `arguments` (Python's audit events) and `child`.
    """

    def run(*arguments: object, hook: str = "", model: bool = True) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ)
        if hook:
            folder = tmp_path / "hook"
            folder.mkdir(exist_ok=True)
            (folder / "sitecustomize.py").write_text(HOOK.format(body=hook))
            environment["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "inkdigit", "bulk", *map(str, arguments)]
        command += ["--model", str(linear_run)] if model else []
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


def answers(folder: Path) -> Any:
    """What a job wrote, in the order of its parts."""
    return parquet.read_table(folder)


def files_of(digits: Dataset, folder: Path, count: int, rows: int) -> Path:
    """A folder of so many Parquet files of so many rows each."""
    for number in range(count):
        below = folder / f"{number:02d}"
        below.mkdir(parents=True)
        write_parquet(below, part(digits, slice(number * rows, (number + 1) * rows)))
    return folder


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Which files of answers are there, and which ones they are: a file written anew is another."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("part-*.parquet")}
