"""Trainings that are cut short: by Ctrl-C, by `kill -9`, by a full disk."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command
from tests.disks import small_disk

SMALL = ["--filters", "4, 8 8", "--dense", "16", "--epochs", "4", "--deterministic"]


@contextmanager
def started(*arguments: object) -> Generator[subprocess.Popen[str]]:
    """A training in its own process, as a user would start it."""
    command = [Path(sys.executable).with_name("inkdigit"), "train", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1) as process:
        yield process
        process.kill()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read the process's output as far as a line with these words."""
    assert process.stdout
    for line in process.stdout:
        if words in line:
            return
    assert process.stderr
    raise AssertionError(f"it ended without “{words}”: {process.stderr.read()}")


def figures(run: Path) -> dict[str, Any]:
    """What a training gave, without what the clock says."""
    metrics = json.loads((run / "metrics.json").read_text())
    curve = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in metrics["history"]]
    return {"curve": curve, "evaluation": metrics["evaluation"], "temperature": metrics["temperature"]}


def train_in_process_of_its_own(run_command: Command, *arguments: object) -> str:
    """Train as a user would; give what was printed."""
    done = run_command("train", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_training_cut_short_twice_ends_exactly_as_an_unbroken_one(
    run_command: Command, run_in_process: Command, few: Path, tmp_path: Path
) -> None:
    """Once by Ctrl-C, after which the same command continues, and once by a kill, after which --resume does."""
    unbroken = tmp_path / "unbroken"
    train_in_process_of_its_own(run_command, "--train", few, *SMALL, "--out", unbroken)

    out, train = tmp_path / "runs" / "run", tmp_path / few.name
    content = few.read_text()
    train.write_text(content)
    more = run_in_process("train", "--resume", out, "--epochs", 9)
    nothing = run_in_process("train", "--resume", out)
    assert more.returncode == nothing.returncode == 2
    assert "--resume" in more.stderr
    assert str(out) in nothing.stderr

    with started("--train", train, *SMALL, "--out", out) as process:
        wait_for(process, "epoch 1/4")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 130
    assert stderr == f"Interrupted. To go on: inkdigit train --resume {out}\n"

    with started("--train", train, *SMALL, "--out", out) as process:
        wait_for(process, " of 4 epochs were done before")
        wait_for(process, "epoch ")
        second = run_in_process("train", "--train", train, *SMALL, "--out", out)
        os.kill(process.pid, signal.SIGKILL)
    assert second.returncode == 2
    assert str(out) in second.stderr
    assert not out.exists()
    other = run_in_process("train", "--train", train, *SMALL, "--seed", "1", "--out", out)
    train.write_text(content[: content.rindex("\n", 0, -1) + 1])
    changed = run_in_process("train", "--resume", out)
    train.write_text(content)
    assert other.returncode == changed.returncode == 2
    assert "other settings" in other.stderr
    assert "other train" in changed.stderr

    printed = train_in_process_of_its_own(run_command, "--resume", out)
    assert " of 4 epochs were done before" in printed
    assert "epoch 2/4" not in printed
    assert figures(out) == figures(unbroken)
    assert (out / "model.onnx").read_bytes() == (unbroken / "model.onnx").read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ["run"]
    assert not {"checkpoints", "job.json"} & {path.name for path in out.iterdir()}
    again = run_in_process("train", "--resume", out)
    assert again.returncode == 2
    assert str(out) in again.stderr


def test_an_unfinished_training_whose_job_is_damaged_is_refused(run_in_process: Command, tmp_path: Path) -> None:
    out, partial = tmp_path / "run", tmp_path / ".run.partial"
    (partial / "checkpoints").mkdir(parents=True)
    (partial / "checkpoints" / "training.npz").touch()
    (partial / "job.json").write_text('{"identity": {"settings": null}}')
    done = run_in_process("train", "--resume", out)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(partial / "job.json") in done.stderr


BUILDING = """
import pathlib, signal, sys
from inkdigit.runs.build import build_folder
from inkdigit.runs.run import write_manifest
out, epochs, event = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def kill(happens, arguments):
    if happens == event:
        signal.raise_signal(signal.SIGKILL)

with build_folder(out, {"identity": {"settings": {}}}) as folder:
    (folder / "checkpoints" / f"epoch-{epochs}").touch()
    write_manifest(folder, [], {"epochs": len(list((folder / "checkpoints").iterdir()))})
    if event != "none":
        (folder / ".model.onnx.0123.tmp").write_text("half")
        sys.addaudithook(kill)
"""


@pytest.mark.parametrize("event", ["os.rmdir", "os.rename"])
def test_a_kill_before_the_run_takes_its_place_keeps_its_checkpoints(tmp_path: Path, event: str) -> None:
    out = tmp_path / "run"
    out.mkdir()
    done = subprocess.run([sys.executable, "-c", BUILDING, out, "1", event], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (out / "manifest.json").exists()
    done = subprocess.run([sys.executable, "-c", BUILDING, out, "2", "none"], check=False)
    assert done.returncode == 0
    assert json.loads((out / "manifest.json").read_text())["epochs"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert [path.name for path in out.iterdir()] == ["manifest.json"]


def test_a_full_disk_is_reported_and_leaves_no_half_run(
    run_in_process: Command, few: Path, network: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "100k") as disk:
        done = run_in_process("train", "--train", few, "--model", network, "--out", disk / "run")
        assert done.returncode == 2
        assert os.strerror(errno.ENOSPC) in done.stderr
        assert str(disk) in done.stderr
        assert done.stderr.count("\n") == 1
        assert list(disk.iterdir()) == []
