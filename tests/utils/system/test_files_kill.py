"""A file whose writer is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path


def test_a_kill_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "figures.json"
    path.write_text("old")
    code = (
        "import os, pathlib, signal, sys; from inkdigit.utils.files import atomic\n"
        "with atomic(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGTERM)"
    )
    killed = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert killed.returncode == -signal.SIGTERM
    assert path.read_text() == "old"
