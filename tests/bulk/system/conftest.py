"""`inkdigit bulk` in processes that end when they should not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Bulk = Callable[..., subprocess.CompletedProcess[str]]

# Python runs this before anything else, in each of the command's processes. `child`: is it one that does parts?
HOOK = """
import os, signal, sys
def hook(event, arguments):
    child = "--multiprocessing-fork" in sys.argv or any("spawn_main" in word for word in sys.orig_argv)
    {body}
sys.addaudithook(hook)
"""


@pytest.fixture
def bulk(tmp_path: Path, linear_run: Path) -> Bulk:
    """Runs `inkdigit bulk` with a fast model. hook: Python that knows `child` and an audit `event` with `arguments`."""

    def run(*arguments: object, hook: str = "") -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ)
        if hook:
            folder = tmp_path / "hook"
            folder.mkdir(exist_ok=True)
            (folder / "sitecustomize.py").write_text(HOOK.format(body=hook))
            environment["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "inkdigit", "bulk", *map(str, arguments), "--model", str(linear_run)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run
