"""A study of a small space, with made-up losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inkdigit.tune.engine import EpochReport
from inkdigit.tune.space import Range, Space, Value
from inkdigit.tune.study import Study

SPACE: Space = {
    "learning_rate": Range(0.001, 0.1, log=True),
    "dense": (0, 64, 128),
    "batch_size": Range(32, 256),
    "dropout": Range(0.0, 0.6),
}
OWN: dict[str, Value] = {"learning_rate": 0.01, "dense": 64, "batch_size": 128, "dropout": 0.5}
EPOCHS = 4
TRIALS = 14  # after the first eleven, from what they have shown


def study(folder: Path, **changes: Any) -> Study:
    """The study in a folder; `changes` make its identity another one."""
    identity = {"settings": {"seed": 3}, "space": "this", "train": "these"} | changes
    return Study(f"sqlite:///{folder / 'study.db'}", "digits", "study.db", identity, SPACE, EPOCHS)


def loss(point: dict[str, Value], epoch: int) -> float:
    """A loss that falls with the epochs and depends on the point."""
    return 1 / epoch + abs(float(point["dropout"]) - 0.3) + float(point["learning_rate"])


def trained(search: Study, number: int, epochs: int = EPOCHS) -> None:
    """Report a trial's epochs, as far as the search lets it, or as far as `epochs`."""
    for epoch in range(1, epochs + 1):
        report = EpochReport(number, epoch, loss(search.point(number), epoch), 0.5, 1.0)
        if not search.report(report, last=epoch == EPOCHS):
            return
