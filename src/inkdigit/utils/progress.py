"""What people see while a job works: its stages with their times, and a bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inkdigit.utils.printable import printable

# Without rich's own marks: a name may hold brackets and colons.
console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


def print_line(text: str) -> None:
    """Print one line on standard output, above a bar that is shown. Names in it may hold anything."""
    console.print(printable(text))


class Stage(NamedTuple):
    """One timed stage of a job.

    Attributes:
        name: which stage it is, such as "training"; never changes.
        seconds: elapsed time.
        images_per_second: its rate, where it works on images.
        title: what people see; the name where it is empty.
    """

    name: str
    seconds: float
    images_per_second: float | None = None
    title: str = ""

    @property
    def heading(self) -> str:
        """What people see."""
        return self.title or self.name


def stage_line(stage: Stage) -> str:
    """The line that is printed when a stage ends."""
    rate = f", {stage.images_per_second:,.0f} images/s" if stage.images_per_second else ""
    return f"{stage.heading}: {stage.seconds:.1f} s{rate}"


@dataclass
class Stopwatch:
    """Times the stages of a job.

    Attributes:
        stages: those that have ended.
        earlier: seconds that an interrupted process has already spent on the present stage.
        show: called with each stage when it ends; by default it prints a line.
    """

    stages: list[Stage] = field(default_factory=list)
    earlier: float = 0.0
    show: Callable[[Stage], object] = lambda stage: print_line(stage_line(stage))

    @contextmanager
    def stage(self, name: str, *, title: str = "", images: int | None = None) -> Generator[None]:
        """Time what runs inside.

        Args:
            name: which stage it is, in lower case.
            title: what people see; by default the name with a capital.
            images: how many the stage works on, for its rate.
        """
        self.earlier = 0.0
        started = time.perf_counter()
        yield
        seconds = self.earlier + time.perf_counter() - started
        stage = Stage(name, seconds, images / seconds if images else None, title or name.capitalize())
        self.stages.append(stage)
        self.show(stage)


def progress_bar() -> Progress:
    """Make a bar with rate and time left, shown on a terminal only. Its tasks have the field `rate`, a text."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
