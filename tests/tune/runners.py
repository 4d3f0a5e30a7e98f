"""An engine that trains nothing: a plain function says what each trial reports."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from inkdigit.training.config import Settings
from inkdigit.tune.engine import EpochReport, Event, TrialData, TrialEnded, WorkerLost

Loss = Callable[[Settings, int], float]  # of a trial's settings after an epoch


class FakeRunner:
    """Reports epochs with made-up losses, one event for each call of `wait`.

    Args:
        loss: what trials report.
        slots: trials at a time.
        lose: how often the process of a trial is lost before its first report, by number.
        error: how the trials with these numbers end, in place of a report.
    """

    def __init__(
        self, loss: Loss, slots: int = 1, lose: dict[int, int] | None = None, error: dict[int, str] | None = None
    ) -> None:
        self.loss, self.slots = loss, slots
        self.lose, self.error = dict(lose or {}), error or {}
        self.started: list[int] = []
        self.data: TrialData | None = None
        self._epochs: dict[int, int] = {}  # of each trial under way
        self._settings: dict[int, Settings] = {}
        self._stopped: list[int] = []

    @contextmanager
    def open(self, data: TrialData) -> Generator[FakeRunner]:
        """The engine."""
        self.data = data
        yield self

    def start(self, number: int, settings: Settings) -> None:
        """Begin a trial."""
        self.started.append(number)
        self._epochs[number], self._settings[number] = 0, settings
        assert len(self._epochs) <= self.slots

    def wait(self, seconds: float | None) -> list[Event]:  # noqa: ARG002 -- an engine takes it
        """The next event, of the trial that began first."""
        if self._stopped:
            number = self._stopped.pop(0)
            del self._epochs[number]
            return [TrialEnded(number)]
        number = min(self._epochs)
        if self.lose.get(number, 0):
            self.lose[number] -= 1
            del self._epochs[number]
            return [WorkerLost(number)]
        if number in self.error:
            del self._epochs[number]
            return [TrialEnded(number, self.error[number])]
        self._epochs[number] += 1
        epoch, settings = self._epochs[number], self._settings[number]
        return [EpochReport(number, epoch, self.loss(settings, epoch), 0.9, float(epoch))]

    def decide(self, number: int, *, go_on: bool) -> None:
        """The search's decision."""
        if not go_on:
            self._stopped.append(number)
