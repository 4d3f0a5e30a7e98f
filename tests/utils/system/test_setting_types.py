"""A setting's default must have the type of its field: pyright refuses another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT

SNIPPET = """
from dataclasses import dataclass

from inkdigit.utils.options import setting

@dataclass
class Settings:
    right: float = setting(0.5, "a number", "", 0, 1)
    wrong: int = setting("fast", "not a number")
"""


def test_a_default_of_another_type_fails_the_type_check(tmp_path: Path) -> None:
    (tmp_path / "snippet.py").write_text(SNIPPET)
    pyright = Path(sys.executable).with_name("pyright")
    done = subprocess.run(
        [pyright, "--pythonpath", sys.executable, tmp_path / "snippet.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "snippet.py:9:" in done.stdout
    assert "snippet.py:8:" not in done.stdout
