"""The commands that need no extra work without any; those of the wheel's test aside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
print(json.dumps([[result.exit_code, result.stderr] for result in results]))
"""

COMMANDS = [
    f"evaluate {SHIPPED_RUN} --data small.csv",
    f"export {SHIPPED_RUN} -o model.onnx",
    "read --single seven.png",
    "api-key me --file keys",
    "train --print-config",
    "serve --print-config",
    "tune --print-space",
]


def test_these_commands_work_without_any_extra(files: Path, tmp_path: Path) -> None:
    (tmp_path / "small.csv").symlink_to(files / "small.csv")
    image = Image.new("L", (28, 28), 255)
    image.paste(0, (12, 4, 15, 24))
    image.save(tmp_path / "seven.png")
    missing = sorted({"tensorflow", "requests", "uvloop"}.union(*MODULES.values()))
    request = json.dumps([missing, [command.split() for command in COMMANDS]])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, request], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    results = zip(COMMANDS, json.loads(done.stdout), strict=True)
    assert [(command, errors) for command, (code, errors) in results if code] == []
