"""What a search found, as people read it: its trials, the best of them, a table, settings to train with."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inkdigit.training.config import Settings
from inkdigit.tune.space import Space, Value, own_values, settings_of
from inkdigit.utils.options import readable_value

BEST = "best.toml"

State = Literal["complete", "pruned", "failed", "unfinished"]


@dataclass(frozen=True)
class TrialResult:
    """One trial. loss: of the validation rows after its last epoch, in nats, calibrated. why: it failed, in words.

    curve: that loss after each epoch. accuracy: a fraction. Only a trial that is complete or pruned has figures.
    """

    number: int
    state: State
    point: Mapping[str, Value]
    curve: Sequence[float]
    loss: float | None
    accuracy: float | None
    seconds: float | None
    why: str


@dataclass(frozen=True)
class Outcome:
    """A search so far.

    base: the settings it started from, which are the first trial's. settings: what all trials have in common.
    importance: of each setting, summing to 1; empty where there are too few trials to tell. rows: what the losses are
    of, in words. train: the file of the training rows; None: MNIST's.
    """

    base: Settings
    settings: Settings
    space: Space
    trials: Sequence[TrialResult]
    importance: Mapping[str, float]
    rows: str
    train: Path | None

    @property
    def best(self) -> TrialResult | None:
        """The trial with the smallest loss of those that came to their last epoch."""
        return next((trial for _, trial in ranked(self.trials)), None)

    @property
    def first(self) -> TrialResult | None:
        """The base's own trial, where it came to its last epoch."""
        return next((trial for _, trial in ranked(self.trials) if trial.number == 0), None)

    @property
    def best_settings(self) -> Settings:
        """What to train with: the base with the best trial's point, for as many epochs and rows as the base says."""
        return settings_of(self.base, self.best.point if self.best else {}, "the best trial")

    def train_command(self, folder: Path) -> str:
        """How to train with the best settings, which are kept in a folder."""
        train = ["--train", str(self.train)] if self.train else []
        return shlex.join(["inkdigit", "train", *train, "--config", str(folder / BEST)])

    def count(self, state: State) -> int:
        """How many trials are in that state."""
        return sum(trial.state == state for trial in self.trials)


def ranked(trials: Sequence[TrialResult]) -> list[tuple[float, TrialResult]]:
    """Those that came to their last epoch, with their losses, the best first."""
    found = [(trial.loss, trial) for trial in trials if trial.state == "complete" and trial.loss is not None]
    return sorted(found, key=lambda one: (one[0], one[1].number))


def line(trial: TrialResult, epochs: int) -> str:
    """What is said of a trial that has ended."""
    name = f"Trial {trial.number}{' (the settings to start from)' if trial.number == 0 else ''}"
    if trial.loss is None or trial.accuracy is None or trial.seconds is None:
        return f"{name}: failed. {trial.why}"
    stopped = f"stopped after epoch {len(trial.curve)} of {epochs}, " if trial.state == "pruned" else ""
    return f"{name}: {stopped}loss {trial.loss:.4f}, accuracy {100 * trial.accuracy:.2f} %, {trial.seconds:.1f} s"


def summary(outcome: Outcome) -> str:
    """The lines that end a search: the best trial, what it gains, and its settings beside those it started from."""
    best, first = outcome.best, outcome.first
    if not best or best.loss is None or best.accuracy is None:
        return "No trial has come to its last epoch yet."
    told = [f"Best of {len(outcome.trials)}: trial {best.number}, loss {best.loss:.4f}, on {outcome.rows}"]
    if first and first.loss is not None:
        told[0] += f"; {first.loss:.4f} with the settings to start from"
    own = own_values(outcome.space, outcome.base)
    width = max(map(len, outcome.space))
    for name, value in best.point.items():
        told.append(
            f"  {name:<{width}}  {readable_value(value)}"
            + (f"  (was {readable_value(own[name])})" * (value != own[name]))
        )
    return "\n".join(told)


def table(trials: Sequence[TrialResult], space: Space) -> str:
    """The trials as CSV, one a row, with a column for each setting that was searched."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "loss", "accuracy", "epochs", "seconds", *space, "why"])
    for trial in trials:
        figures = [trial.loss, trial.accuracy, len(trial.curve), trial.seconds]
        cells = ["" if figure is None else round(figure, 6) for figure in figures]
        point = [trial.point.get(name, "") for name in space]
        writer.writerow([trial.number, trial.state, *cells, *point, trial.why])
    return text.getvalue()
