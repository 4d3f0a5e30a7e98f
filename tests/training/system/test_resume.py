"""Trainings that are cut short, by Ctrl-C, by `kill -9`, by a full disk, by a second one in the same folder."""

from __future__ import annotations

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

from tests.conftest import LINEAR, Command, RunAndKill

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
    """What a run learnt, without what the clock says."""
    metrics = json.loads((run / "metrics.json").read_text())
    curve = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in metrics["history"]]
    return {"curve": curve, "evaluation": metrics["evaluation"], "temperature": metrics["temperature"]}


@pytest.fixture(scope="module")
def unbroken(run_command: Command, files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    done = run_command("train", "--train", files / "small.csv", *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    return figures(out)


def test_a_training_cut_short_twice_goes_on_and_ends_as_an_unbroken_one(
    run_command: Command, files: Path, tmp_path: Path, unbroken: dict[str, Any]
) -> None:
    """Once by Ctrl-C, which the same command goes on from, and once by a kill, which --resume goes on from."""
    out, train = tmp_path / "runs" / "run", tmp_path / "train.csv"
    content = (files / "small.csv").read_text()
    train.write_text(content)
    more = run_command("train", "--resume", out, "--epochs", 9)
    assert more.returncode == 2
    assert "--resume takes no other option" in more.stderr
    nothing = run_command("train", "--resume", out)
    assert nothing.returncode == 2
    assert "no unfinished training" in nothing.stderr

    with started("--train", train, *SMALL, "--out", out) as process:
        wait_for(process, "epoch 1/4")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 130
    assert stderr == f"Interrupted. To go on: inkdigit train --resume {out}\n"

    with started("--train", train, *SMALL, "--out", out) as process:
        wait_for(process, " of 4 epochs were done before")
        wait_for(process, "epoch ")
        second = run_command("train", "--train", train, *SMALL, "--out", out)
        os.kill(process.pid, signal.SIGKILL)
    assert second.returncode == 2
    assert "another process" in second.stderr
    assert not out.exists()
    other = run_command("train", "--train", train, *SMALL, "--seed", "1", "--out", out)
    assert other.returncode == 2
    assert "other settings" in other.stderr
    train.write_text(content[: content.rindex("\n", 0, -1) + 1])
    changed = run_command("train", "--resume", out)
    assert changed.returncode == 2
    assert "other train" in changed.stderr
    train.write_text(content)

    done = run_command("train", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert " of 4 epochs were done before" in done.stdout
    assert "epoch 2/4" not in done.stdout
    assert figures(out) == unbroken
    assert [path.name for path in out.parent.iterdir()] == ["run"]
    assert not {"checkpoints", "job.json", "lock"} & {path.name for path in out.iterdir()}
    again = run_command("train", "--resume", out)
    assert again.returncode == 2
    assert "nothing to resume" in again.stderr


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"identity": {}}'])
def test_an_unfinished_training_that_cannot_be_gone_on_with_is_told(
    run_in_process: Command, tmp_path: Path, content: str
) -> None:
    out, partial = tmp_path / "run", tmp_path / ".run.partial"
    (partial / "checkpoints").mkdir(parents=True)
    (partial / "checkpoints" / "training.npz").touch()
    (partial / "job.json").write_text(content)
    done = run_in_process("train", "--resume", out)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"give it up by removing {partial}" in done.stderr


def test_a_kill_after_the_training_costs_no_epoch_and_leaves_nothing_behind(
    run_command: Command, run_and_kill: RunAndKill, files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "runs" / "run"
    (tmp_path / "network.py").write_text(LINEAR)
    data = ["--train", files / "small.csv", "--model", tmp_path / "network.py"]
    command = ["train", *data, "--epochs", "2", "--folds", "2", "--out", out]
    printed = run_and_kill("training-2-of-2.npz", *command)
    assert "Training 1 of 2, epoch 2/2" in printed
    printed = run_and_kill("model.onnx", "train", "--resume", out)
    assert "Training 1 of 2: 2 of 2 epochs were done before." in printed
    assert "Training 2 of 2, epoch 2/2" in printed
    learnt = ["Training 1 of 2: 2 of 2 epochs were done before.", "Training 2 of 2: 2 of 2 epochs were done before."]
    for name, event in (("report.html", "os.rename"), ("checkpoints", "shutil.rmtree")):
        assert not out.exists()
        printed = run_and_kill(name, *command, event=event)
        assert [line for line in printed.splitlines() if "Training" in line and "images/s" not in line] == learnt
    assert (out / "checkpoints").is_dir()
    assert run_command("runs", out.parent).stdout.splitlines()[-1].startswith("run ")
    done = run_command(*command)
    assert "already holds this run" in done.stdout
    assert [path.name for path in out.parent.iterdir()] == ["run"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert {path.name for path in out.iterdir()} == {"manifest.json", *manifest["files"]}


BUILDING = """
import pathlib, signal, sys
from inkdigit import runs
out, epochs, event = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def kill(happens, arguments):
    if happens == event:
        signal.raise_signal(signal.SIGKILL)

with runs.building(out, {"identity": {}}) as folder:
    (folder / "checkpoints" / f"epoch-{epochs}").touch()
    runs.write_manifest(folder, [], {"epochs": len(list((folder / "checkpoints").iterdir()))})
    if event != "none":
        (folder / ".model.onnx.0123.tmp").write_text("half")
        sys.addaudithook(kill)
"""


@pytest.mark.parametrize("event", ["os.rmdir", "os.remove", "os.rename"])
def test_a_kill_before_the_run_takes_its_place_keeps_its_checkpoints(tmp_path: Path, event: str) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for epochs in (1, 2):
        done = subprocess.run([sys.executable, "-c", BUILDING, out, str(epochs), event], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not (out / "manifest.json").exists()
    done = subprocess.run([sys.executable, "-c", BUILDING, out, "3", "none"], check=False)
    assert done.returncode == 0
    assert json.loads((out / "manifest.json").read_text())["epochs"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert [path.name for path in out.iterdir()] == ["manifest.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small tmpfs")
def test_full_disk_is_told_and_leaves_no_half_run(run_command: Command, files: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        done = run_command("train", "--train", files / "small.csv", *SMALL, "--out", disk / "run")
        assert done.returncode == 2
        assert "No space left on device" in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (disk / "run").exists()
    finally:
        subprocess.run(["umount", disk], check=True)
