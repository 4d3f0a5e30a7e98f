"""Each command checks its extra before it imports anything of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inkdigit.utils.extras import MODULES
from tests.conftest import Command

COMMANDS = {
    "train": "train",
    "audit small.csv": "train",
    "report run": "train",
    "compare run run": "train",
    "export run --int8 -o model.onnx": "train",
    "tune": "tune",
    "synth pages": "read",
    "read seven.png": "read",
    "read --line seven.png": "read",
    "read --form form.toml seven.png": "read",
    "bulk small.csv out": "bulk",
    "serve": "serve",
    "data kaggle": "kaggle",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_names_the_extra_that_it_needs(
    run_in_process: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    for module in {module for modules in MODULES.values() for module in modules}:
        monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    done = run_in_process(*command.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f'pip install "inkdigit[{COMMANDS[command]}]"' in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
