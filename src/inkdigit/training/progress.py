"""What a person sees while a network trains: a bar on a terminal, and a line for each epoch."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.progress import TaskID

from inkdigit.utils.progress import Stopwatch, print_line, progress_bar


@dataclass(frozen=True)
class Epoch:
    """The figures of one pass over the training rows.

    Attributes:
        epoch: its number, from 1.
        loss, accuracy: of the training rows, as augmented.
        val_loss, val_accuracy: of the averaged weights on the validation rows, where there are any.
        learning_rate: at its last step.
        seconds: elapsed time.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float


class Progress(Protocol):
    """Is notified of how far the training is."""

    def resume(self, history: list[Epoch]) -> None:
        """These epochs were done by an interrupted process."""
        ...

    def step(self) -> None:
        """One batch is done."""
        ...

    def epoch(self, epoch: Epoch) -> None:
        """One epoch is done, and its checkpoint is written."""
        ...


class TrainingProgress:
    """The training's progress: a bar with rate and time left on a terminal, and a line for each epoch anywhere."""

    def __init__(self, watch: Stopwatch, label: str, epochs: int, steps: int, batch_size: int):
        self.watch = watch
        self.batch_size, self.steps = batch_size, steps
        self.bar = progress_bar()
        self.label, self.epochs = label, epochs
        self.task: TaskID = self.bar.add_task(label, total=epochs * steps, rate="")
        self.started = time.perf_counter()
        self.done_earlier = 0

    def __enter__(self) -> TrainingProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def resume(self, history: list[Epoch]) -> None:
        """These epochs were done earlier."""
        self.watch.earlier = sum(epoch.seconds for epoch in history)
        self.done_earlier = len(history) * self.steps
        self.bar.update(self.task, completed=self.done_earlier)
        print_line(resume_line(self.label, len(history), self.epochs))

    def step(self) -> None:
        """One batch is done."""
        done = self.bar.tasks[0].completed + 1 - self.done_earlier
        rate = done * self.batch_size / (time.perf_counter() - self.started)
        self.bar.update(self.task, advance=1, rate=f"{rate:,.0f} images/s")

    def epoch(self, epoch: Epoch) -> None:
        """One epoch is done."""
        print_line(epoch_line(self.label, epoch, self.epochs, self.steps * self.batch_size))


def resume_line(label: str, done: int, epochs: int) -> str:
    """The line that is printed when a training goes on after `done` of its epochs."""
    return f"{label}: {done} of {epochs} epochs were done before."


def epoch_line(label: str, epoch: Epoch, epochs: int, images: int) -> str:
    """The line that is printed after one of `epochs` epochs, each of that many images."""
    held_out = "" if epoch.val_accuracy is None else f", validation {100 * epoch.val_accuracy:.2f} %"
    return (
        f"{label}, epoch {epoch.epoch}/{epochs}: loss {epoch.loss:.4f}, accuracy {100 * epoch.accuracy:.2f} %"
        f"{held_out}, {epoch.seconds:.1f} s, {images / epoch.seconds:,.0f} images/s"
    )


class NoProgress:
    """Takes the training's progress and shows nothing."""

    def resume(self, history: list[Epoch]) -> None:
        """Pass over epochs that were done earlier."""

    def step(self) -> None:
        """Pass over a batch."""

    def epoch(self, epoch: Epoch) -> None:
        """Pass over an epoch."""


@contextmanager
def no_progress(*_: object) -> Generator[NoProgress]:
    """Show nothing of a training; takes what `TrainingProgress` takes."""
    yield NoProgress()
