"""The commands where only the core of Inkdigit is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inkdigit.runs.run import SHIPPED_RUN
from inkdigit.utils.extras import MODULES

SCRIPT = """
import json, sys
modules, commands = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(modules))  # None: as where a module is not installed
from click.testing import CliRunner
from inkdigit.cli import main
results = [CliRunner().invoke(main, command, catch_exceptions=False) for command in commands]
print(json.dumps([[result.exit_code, result.stdout, result.stderr] for result in results]))
"""

# By extra: the commands that it is for.
REFUSED = {
    "train": ["train", "audit small.csv", "report run", "compare run run"],
    "tune": ["tune"],
    "read": ["synth pages", "read seven.png", "read --line seven.png", "read --form form.toml seven.png"],
    "bulk": ["bulk small.csv out"],
    "serve": ["serve"],
    "kaggle": ["data kaggle"],
}
WORKING = [
    f"evaluate {SHIPPED_RUN} --data small.csv",
    f"submit {SHIPPED_RUN} --test test.csv",
    "audit --duplicates-only small.csv",
    f"runs {SHIPPED_RUN}",
    "read --single seven.png",
    "api-key me --file keys",
    "train --print-config",
    "serve --print-config",
    "tune --print-space",
]


def run_with_the_core_alone(folder: Path, commands: list[str]) -> list[tuple[int, str, str]]:
    """Run commands in one process that can import no module of an extra: exit code, output and errors of each."""
    others = {"tensorflow", "requests", "uvloop"}
    request: Any = [sorted(others.union(*MODULES.values())), [command.split() for command in commands]]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(request)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("core")
    for name in ("small.csv", "test.csv"):
        (folder / name).symlink_to(files / name)
    image = Image.new("L", (28, 28), 255)
    image.paste(0, (12, 4, 15, 24))
    image.save(folder / "seven.png")
    return folder


def test_a_command_that_needs_an_extra_names_it(folder: Path) -> None:
    commands = [(command, extra) for extra, commands in REFUSED.items() for command in commands]
    results = run_with_the_core_alone(folder, [command for command, _ in commands])
    for (command, extra), (code, output, errors) in zip(commands, results, strict=True):
        assert (code, output) == (2, ""), command
        assert f'pip install "inkdigit[{extra}]"' in errors, command
        assert errors.count("\n") == 1, command
    assert not (folder / "pages").exists()


def test_the_other_commands_work(folder: Path) -> None:
    results = run_with_the_core_alone(folder, WORKING)
    assert [(command, errors) for command, (code, _, errors) in zip(WORKING, results, strict=True) if code] == []
