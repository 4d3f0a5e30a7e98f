"""What a search and the engine that trains its trials say to each other. The command line chooses the engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from inkdigit.data.dataset import Dataset
from inkdigit.training.config import Settings


class TrialData(NamedTuple):
    """The rows that every trial is trained on, and those that it is scored on."""

    train: Dataset
    validation: Dataset


@dataclass(frozen=True)
class EpochReport:
    """A trial has finished an epoch and waits for the decision whether to go on.

    Attributes:
        number: of the trial.
        epoch: from 1.
        loss: mean of -ln p(label) on the validation rows, in nats, calibrated.
        accuracy: on the validation rows, a fraction.
        seconds: since the trial began.
    """

    number: int
    epoch: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class TrialEnded:
    """No process works on a trial any more. `error`: a sentence, where its settings cannot be trained."""

    number: int
    error: str | None = None


@dataclass(frozen=True)
class WorkerLost:
    """The process that worked on a trial is gone."""

    number: int


Event = EpochReport | TrialEnded | WorkerLost


class TrialRunner(Protocol):
    """Trains trials, `slots` at a time."""

    slots: int

    def start(self, number: int, settings: Settings) -> None:
        """Begin to train a trial."""
        ...

    def wait(self, seconds: float | None) -> list[Event]:
        """What has happened since the last call, as soon as there is anything; an empty list once the time is up."""
        ...

    def decide(self, number: int, *, go_on: bool) -> None:
        """Let a trial that has reported an epoch go on, or stop it."""
        ...


Engine = Callable[[TrialData], AbstractContextManager[TrialRunner]]  # with the block, all its processes end
