"""Searches with real trainings, in processes: cut short by kills and Ctrl-C, they end as an unbroken one."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.conftest import Command

TRIALS = 4
FOUND = {"study.db", "best.toml", "trials.csv", "report.html"}


@contextmanager
def started(*arguments: object) -> Generator[subprocess.Popen[str]]:
    """A search in its own process, whose output can be read as it comes."""
    command = [sys.executable, "-u", "-m", "inkdigit", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    """The process's lines up to one with these words."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    assert process.stderr
    raise AssertionError(f"it ended without “{words}”: {process.stderr.read()}")


def training_process(process: subprocess.Popen[str]) -> psutil.Process:
    """The process that trains for a search."""
    children = psutil.Process(process.pid).children(recursive=True)
    return next(child for child in children if "spawn_main" in " ".join(child.cmdline()))


def rows(folder: Path) -> list[dict[str, str]]:
    """The table of trials, without what the clock says."""
    with (folder / "trials.csv").open(encoding="utf-8") as file:
        return [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def test_killed_processes_and_a_killed_search_cost_no_finished_trial(
    run_command: Command, search: list[object], tmp_path: Path
) -> None:
    search = [*search, "--trials", TRIALS]
    unbroken, out = tmp_path / "unbroken", tmp_path / "found"
    done = run_command(*search, "--jobs", 1, "--out", unbroken)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in unbroken.iterdir()} == FOUND
    trials = rows(unbroken)
    assert [row["state"] for row in trials] == ["complete"] * TRIALS
    assert max(float(row["accuracy"]) for row in trials) > 0.6

    with started(*search, "--out", out) as process:
        read_until(process, "Trial 0")
        training_process(process).kill()
        read_until(process, "Trial 1: loss")
        second = run_command(*search, "--out", out)
        at_work = training_process(process)
        os.kill(process.pid, signal.SIGKILL)
        assert not psutil.wait_procs([at_work], timeout=60)[1]  # it does not outlive the search
    assert second.returncode == 2
    assert str(out) in second.stderr
    done = run_command(*search, "--out", out)
    assert done.returncode == 0, done.stderr
    assert rows(out) == trials
    assert {path.name for path in out.iterdir()} == FOUND


def test_ctrl_c_says_how_to_go_on_and_keeps_what_was_found(search: list[object], tmp_path: Path) -> None:
    out = tmp_path / "found"
    with started(*search, "--trials", 1000, "--out", out) as process:
        read_until(process, "Trial 0")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 130
    assert "Traceback" not in stderr
    assert {path.name for path in out.iterdir()} == FOUND
    assert rows(out)[0]["state"] == "complete"


def test_the_space_is_printed_and_nothing_is_begun(run_command: Command, tmp_path: Path) -> None:
    done = run_command("tune", "--preset", "tiny", "--print-space", cwd=tmp_path)
    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["learning_rate"] == {"low": 0.0005, "high": 0.05, "log": True}
    assert list(tmp_path.iterdir()) == []
