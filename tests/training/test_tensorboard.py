"""Event files, read back by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from inkdigit.training import tensorboard
from inkdigit.training.progress import Epoch
from tests.errors import refused


class Recorder:
    """A progress that keeps what it is notified of."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def resume(self, history: list[Epoch]) -> None:
        self.calls.append(history)

    def step(self) -> None:
        self.calls.append("step")

    def epoch(self, epoch: Epoch) -> None:
        self.calls.append(epoch)


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard shows them."""
    events: Any = EventAccumulator(str(folder))
    events.Reload()
    values = {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}
    return {tag: [(event.step, make_ndarray(event.tensor_proto).item()) for event in values[tag]] for tag in values}


def test_tensorboard_reads_every_figure_and_the_other_progress_is_notified(tmp_path: Path) -> None:
    first = Epoch(1, 0.75, 0.5, 0.25, 0.875, 0.015, 3.0)
    refit = Epoch(300, 0.125, 1.0, None, None, 0.001, 3.0)
    recorder = Recorder()
    with tensorboard.record_epochs(recorder, tmp_path / "logs") as progress:
        progress.resume([first])
        progress.step()
        progress.epoch(first)
        progress.epoch(refit)
        assert read(tmp_path / "logs")["loss"] == [(1, 0.75), (300, 0.125)]  # while the file is still open
    assert recorder.calls == [[first], "step", first, refit]
    assert read(tmp_path / "logs") == {
        "loss": [(1, 0.75), (300, 0.125)],
        "accuracy": [(1, 0.5), (300, 1.0)],
        "val_loss": [(1, 0.25)],
        "val_accuracy": [(1, 0.875)],
        "learning_rate": [(1, pytest.approx(0.015)), (300, pytest.approx(0.001))],
    }


def test_without_a_folder_the_progress_stays_as_it_is() -> None:
    recorder = Recorder()
    with tensorboard.record_epochs(recorder, None) as progress:
        assert progress is recorder


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no folder")
    with refused("file-unwritable", "logs"), tensorboard.record_epochs(Recorder(), tmp_path / "logs"):
        pass
