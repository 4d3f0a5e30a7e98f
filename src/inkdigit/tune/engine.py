"""What a search and those who train for it say to each other. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from inkdigit.data.dataset import Dataset
from inkdigit.training.config import Settings


class Rows(NamedTuple):
    """What every trial learns from and is looked at on."""

    train: Dataset
    validation: Dataset


@dataclass(frozen=True)
class Reported:
    """A trial has finished an epoch and waits to hear whether to go on. seconds: since it began."""

    number: int
    epoch: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Ended:
    """Nothing works on a trial any more. why: a sentence, where such settings cannot be trained."""

    number: int
    why: str | None = None


@dataclass(frozen=True)
class Lost:
    """What worked on a trial is gone."""

    number: int


Event = Reported | Ended | Lost


class Engine(Protocol):
    """Where trials are trained, `slots` at a time."""

    slots: int

    def start(self, number: int, settings: Settings) -> None:
        """Begin a trial."""
        ...

    def wait(self, seconds: float | None) -> list[Event]:
        """What has happened since; nothing where so many seconds pass without anything."""
        ...

    def answer(self, number: int, *, go_on: bool) -> None:
        """Tell a trial that has reported to go on, or to stop."""
        ...
