"""Event files, read back by TensorBoard itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from inkdigit.training import tensorboard
from inkdigit.training.trainer import Epoch
from tests.conftest import Command
from tests.errors import refused


class Listener:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def resume(self, history: list[Epoch]) -> None:
        self.heard.append(history)

    def step(self) -> None:
        self.heard.append("step")

    def epoch(self, epoch: Epoch) -> None:
        self.heard.append(epoch)


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard shows them."""
    events: Any = EventAccumulator(str(folder))
    events.Reload()
    values = {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}
    return {tag: [(event.step, make_ndarray(event.tensor_proto).item()) for event in values[tag]] for tag in values}


def test_tensorboard_reads_every_figure_and_the_other_progress_is_notified(tmp_path: Path) -> None:
    first = Epoch(1, 0.75, 0.5, 0.25, 0.875, 0.015, 3.0)
    refit = Epoch(300, 0.125, 1.0, None, None, 0.001, 3.0)
    listener = Listener()
    with tensorboard.record_epochs(listener, tmp_path / "logs") as progress:
        progress.resume([first])
        progress.step()
        progress.epoch(first)
        progress.epoch(refit)
        assert read(tmp_path / "logs")["loss"] == [(1, 0.75), (300, 0.125)]  # while the file is still open
    assert listener.heard == [[first], "step", first, refit]
    assert read(tmp_path / "logs") == {
        "loss": [(1, 0.75), (300, 0.125)],
        "accuracy": [(1, 0.5), (300, 1.0)],
        "val_loss": [(1, 0.25)],
        "val_accuracy": [(1, 0.875)],
        "learning_rate": [(1, pytest.approx(0.015)), (300, pytest.approx(0.001))],
    }


def test_training_with_tensorboard_writes_the_curves_of_its_metrics(
    run_in_process: Command, files: Path, tmp_path: Path
) -> None:
    arguments = ["--train", files / "small.csv", "--epochs", 2, "--filters", "4, 8, 8", "--dense", 16]
    done = run_in_process("train", *arguments, "--out", "runs/a", "--tensorboard", "logs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    history = json.loads((tmp_path / "runs/a/metrics.json").read_text())["history"]
    curves = read(tmp_path / "logs" / "a" / "training")
    assert set(curves) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    for tag, points in curves.items():
        assert points == [(epoch["epoch"], pytest.approx(epoch[tag])) for epoch in history]


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no folder")
    with refused("file-unwritable", "logs"), tensorboard.record_epochs(Listener(), tmp_path / "logs"):
        pass
