"""What a worker sends of a training, without a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inkdigit.cluster import ensemble
from inkdigit.cluster.training_worker import EpochDone, Message, Resumed, SentProgress
from inkdigit.training.config import Settings
from inkdigit.training.job import Job
from inkdigit.training.progress import Epoch
from inkdigit.utils.progress import Stopwatch
from tests.errors import refused

EPOCH = Epoch(3, 0.5, 0.8, 0.4, 0.9, 0.01, 2.0)


def test_an_epoch_is_sent_with_the_checkpoints_that_were_written_since_the_last_one(tmp_path: Path) -> None:
    (tmp_path / "training.npz").write_bytes(b"second epoch")
    sent: list[Message] = []
    watch = Stopwatch(show=sent.append)
    progress = SentProgress(sent.append, tmp_path, watch, "Training", 5, 100)
    progress.resume([EPOCH, EPOCH])
    progress.step()
    (tmp_path / "training.npz").write_bytes(b"third epoch")
    (tmp_path / ".training.npz.tmp").touch()  # as a kill leaves it
    progress.epoch(EPOCH)
    progress.epoch(EPOCH)
    assert watch.earlier == 4
    third = EpochDone("Training", EPOCH, 5, 100, {"training.npz": b"third epoch"})
    assert sent == [Resumed("Training", 2, 5), third, replace(third, checkpoints={})]


@pytest.mark.parametrize("change", [{"settings": Settings()}, {"tensorboard": Path("events")}])
def test_options_that_make_no_sense_on_ray_are_refused(change: dict[str, object], tmp_path: Path) -> None:
    job = Job(replace(Settings(), members=2), tmp_path / "run")
    with refused("option-conflict", "--engine ray"):
        ensemble.run_members(replace(job, **change))  # pyright: ignore[reportArgumentType]
