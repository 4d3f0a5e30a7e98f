"""What every training is given: its seed, its checkpoint file, its stage. The training itself is a fake."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.training import trainer
from inkdigit.training.config import Settings
from inkdigit.training.fitter import REFIT, TRAINING, fitter, training_seconds
from inkdigit.training.progress import no_progress
from inkdigit.utils.progress import Stage, Stopwatch

SETTINGS = Settings(seed=7, epochs=3, batch_size=10)
ROWS = Dataset(np.zeros((100, 28, 28), np.uint8), np.zeros(100, np.int64), "zeros")


@dataclass(frozen=True)
class Call:
    """What the fake training got."""

    build: object
    train: Dataset
    validation: Dataset | None
    settings: Settings
    progress: object
    checkpoint: Path | None
    teacher: object


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """The trainings so far, none of which trains."""
    found: list[Call] = []

    def fit(*arguments: Any) -> tuple[object, list[object]]:
        found.append(Call(*arguments))
        return object(), []

    monkeypatch.setattr(trainer, "fit", fit)
    return found


def build(_: Settings) -> Any:
    raise AssertionError


def test_a_single_training_and_its_refit(calls: list[Call], tmp_path: Path) -> None:
    watch = Stopwatch(show=repr)
    fit = fitter(SETTINGS, build, watch, checkpoints=tmp_path, make_progress=no_progress)
    fit(ROWS, ROWS)
    fit(ROWS, None, stage=REFIT)
    assert [call.checkpoint for call in calls] == [tmp_path / "training.npz", tmp_path / "refit.npz"]
    assert [call.settings for call in calls] == [SETTINGS, SETTINGS]
    assert [call.validation for call in calls] == [ROWS, None]
    assert [call.build for call in calls] == [build, build]
    assert [(stage.name, stage.title) for stage in watch.stages] == [
        ("training", "Training"),
        ("refit", "Refit on all rows"),
    ]


def test_each_of_several_trainings_has_its_own_seed_file_and_title(calls: list[Call], tmp_path: Path) -> None:
    watch = Stopwatch(show=repr)
    fit = fitter(SETTINGS, build, watch, checkpoints=tmp_path, make_progress=no_progress)
    for number in range(2):
        fit(ROWS, ROWS, part=number, parts=2)
    assert [call.settings.seed for call in calls] == [7, 8]
    assert [call.checkpoint and call.checkpoint.name for call in calls] == ["training-1.npz", "training-2.npz"]
    assert [stage.name for stage in watch.stages] == [TRAINING] * 2
    assert len({stage.title for stage in watch.stages}) == 2


def test_members_have_seeds_of_their_own_which_never_overflow(calls: list[Call]) -> None:
    largest = replace(SETTINGS, seed=2**32 - 1)
    for settings, member in ((SETTINGS, 2), (largest, 1)):
        fitter(settings, build, Stopwatch(show=repr), member=member, make_progress=no_progress)(ROWS, None)
    assert [call.settings.seed for call in calls] == [9, 0]


def test_without_folders_nothing_is_kept(calls: list[Call]) -> None:
    teacher: Any = object()
    fitter(SETTINGS, build, Stopwatch(show=repr), teacher=teacher, make_progress=no_progress)(ROWS, None)
    assert calls[0].checkpoint is None
    assert calls[0].teacher is teacher


def test_progress_is_made_with_the_trainings_numbers(calls: list[Call]) -> None:
    watch = Stopwatch(show=repr)
    made: list[tuple[object, ...]] = []

    @contextmanager
    def make_progress(*arguments: object) -> Generator[Any]:
        made.append(arguments)
        yield "shown"

    fit = fitter(SETTINGS, build, watch, make_progress=make_progress)
    fit(ROWS, None, part=1, parts=2)
    assert made == [(watch, watch.stages[0].title, 3, 10, 10)]
    assert calls[0].progress == "shown"
    assert watch.stages[0].images_per_second  # 300 images


def test_every_training_writes_its_events_in_a_folder_of_its_own(calls: list[Call], tmp_path: Path) -> None:
    fit = fitter(SETTINGS, build, Stopwatch(show=repr), events=tmp_path, make_progress=no_progress)
    fit(ROWS, None, part=1, parts=2)
    fit(ROWS, None, stage=REFIT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["refit", "training-2"]


def test_training_seconds_are_those_of_trainings_and_refits_whatever_their_titles() -> None:
    stages = [
        Stage("data", 100.0, title="Training"),
        Stage("training", 1.0, title="Training 1 of 2"),
        Stage("training", 2.0),
        Stage("refit", 4.0, title="Refit on all rows"),
    ]
    assert training_seconds(Stopwatch(stages)) == 7
