"""What a search found, for people: its trials, the best of them, a table, settings to train with."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inkdigit.training.config import Settings
from inkdigit.tune.space import Space, Value, base_point, settings_at
from inkdigit.utils.options import readable_value

BEST_FILE = "best.toml"

State = Literal["complete", "pruned", "failed", "unfinished"]


@dataclass(frozen=True)
class TrialResult:
    """One trial. Only a trial that is complete or pruned has loss, accuracy and seconds.

    Attributes:
        number: from 0.
        state: complete: it came to its last epoch; pruned: it was stopped early.
        point: its values of the settings that are searched.
        curve: the loss after each epoch, in nats.
        loss: the curve's last value: mean of -ln p(label) on the validation rows, calibrated.
        accuracy: on the validation rows, a fraction.
        seconds: of training.
        error: why it failed, a sentence; else empty.
    """

    number: int
    state: State
    point: Mapping[str, Value]
    curve: Sequence[float]
    loss: float | None
    accuracy: float | None
    seconds: float | None
    error: str


@dataclass(frozen=True)
class SearchResult:
    """A search so far.

    Attributes:
        base: the settings that it started from, which are the first trial's.
        settings: what all trials have in common.
        space: what is searched.
        trials: by number.
        importance: of each setting, summing to 1; empty where there are too few trials.
        scored_on: what rows the losses are measured on, in words.
        train: the file of the training rows; None: MNIST's.
    """

    base: Settings
    settings: Settings
    space: Space
    trials: Sequence[TrialResult]
    importance: Mapping[str, float]
    scored_on: str
    train: Path | None

    @property
    def best(self) -> TrialResult | None:
        """The complete trial with the smallest loss."""
        return next((trial for _, trial in ranked(self.trials)), None)

    @property
    def first(self) -> TrialResult | None:
        """The trial of the base, if it is complete."""
        return next((trial for _, trial in ranked(self.trials) if trial.number == 0), None)

    @property
    def best_settings(self) -> Settings:
        """What to train with: the base with the best trial's point, for as many epochs and rows as the base says."""
        return settings_at(self.base, self.best.point if self.best else {}, "the best trial")

    def train_command(self, folder: Path) -> str:
        """The command that trains with the best settings, once these are in `folder`."""
        train = ["--train", str(self.train)] if self.train else []
        return shlex.join(["inkdigit", "train", *train, "--config", str(folder / BEST_FILE)])

    def count(self, state: State) -> int:
        """How many trials are in that state."""
        return sum(trial.state == state for trial in self.trials)


def ranked(trials: Sequence[TrialResult]) -> list[tuple[float, TrialResult]]:
    """The complete trials with their losses, the best first."""
    found = [(trial.loss, trial) for trial in trials if trial.state == "complete" and trial.loss is not None]
    return sorted(found, key=lambda pair: (pair[0], pair[1].number))


def trial_line(trial: TrialResult, epochs: int) -> str:
    """The line that is printed when a trial of `epochs` has ended."""
    name = f"Trial {trial.number}{' (the settings to start from)' if trial.number == 0 else ''}"
    if trial.loss is None or trial.accuracy is None or trial.seconds is None:
        return f"{name}: failed. {trial.error}"
    stopped = f"stopped after epoch {len(trial.curve)} of {epochs}, " if trial.state == "pruned" else ""
    return f"{name}: {stopped}loss {trial.loss:.4f}, accuracy {100 * trial.accuracy:.2f} %, {trial.seconds:.1f} s"


def summary(result: SearchResult) -> str:
    """The lines that end a search: the best trial, what it gains, and its settings beside those it started from."""
    best, first = result.best, result.first
    if not best or best.loss is None or best.accuracy is None:
        return "No trial has come to its last epoch yet."
    lines = [f"Best of {len(result.trials)}: trial {best.number}, loss {best.loss:.4f}, on {result.scored_on}"]
    if first and first.loss is not None:
        lines[0] += f"; {first.loss:.4f} with the settings to start from"
    start = base_point(result.space, result.base)
    width = max(map(len, result.space))
    for name, value in best.point.items():
        lines.append(
            f"  {name:<{width}}  {readable_value(value)}"
            + (f"  (was {readable_value(start[name])})" * (value != start[name]))
        )
    return "\n".join(lines)


def trials_csv(trials: Sequence[TrialResult], space: Space) -> str:
    """The trials as CSV, a row for each, with a column for each setting that is searched."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "loss", "accuracy", "epochs", "seconds", *space, "why"])
    for trial in trials:
        figures = [trial.loss, trial.accuracy, len(trial.curve), trial.seconds]
        cells = ["" if figure is None else round(figure, 6) for figure in figures]
        point = [trial.point.get(name, "") for name in space]
        writer.writerow([trial.number, trial.state, *cells, *point, trial.error])
    return text.getvalue()
