"""What a person sees while something works: stages with their times, and a bar or plain lines for the training."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from inkdigit.report.data import Stage

if TYPE_CHECKING:
    from inkdigit.training.trainer import Epoch

console = Console(soft_wrap=True, highlight=False)


@dataclass
class Stopwatch:
    """The stages of a job, timed and told as they end."""

    stages: list[Stage] = field(default_factory=list)
    earlier: float = 0.0  # seconds that an interrupted process has already given to the stage at work

    @contextmanager
    def stage(self, name: str, images: int | None = None) -> Generator[None]:
        """Time what runs inside; `images` is how many the stage works on, for its rate."""
        self.earlier = 0.0
        started = time.perf_counter()
        yield
        seconds = self.earlier + time.perf_counter() - started
        self.stages.append(Stage(name, seconds, images / seconds if images else None))
        rate = f", {images / seconds:,.0f} images/s" if images else ""
        console.print(f"{name}: {seconds:.1f} s{rate}")


def progress_bar() -> Progress:
    """A bar with rate and time left, on a terminal. A task of it has the field `rate`, a text."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


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
        console.print(f"{self.label}: {len(history)} of {self.epochs} epochs were done before.")

    def step(self) -> None:
        """One batch is done."""
        done = self.bar.tasks[0].completed + 1 - self.done_earlier
        rate = done * self.batch_size / (time.perf_counter() - self.started)
        self.bar.update(self.task, advance=1, rate=f"{rate:,.0f} images/s")

    def epoch(self, epoch: Epoch) -> None:
        """One epoch is done."""
        rate = self.steps * self.batch_size / epoch.seconds
        held_out = "" if epoch.val_accuracy is None else f", validation {100 * epoch.val_accuracy:.2f} %"
        console.print(
            f"{self.label}, epoch {epoch.epoch}/{self.epochs}: loss {epoch.loss:.4f}, "
            f"accuracy {100 * epoch.accuracy:.2f} %{held_out}, {epoch.seconds:.1f} s, {rate:,.0f} images/s"
        )
