"""How far a bulk job is: a bar with rate and time left on a terminal, else a line now and then."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType

from inkdigit.bulk.engine import PartResult
from inkdigit.utils.progress import console, print_line, progress_bar

_SECONDS_BETWEEN_LINES = 10.0


class BulkProgress:
    """Counts inputs as parts finish.

    Args:
        unit: what is counted, "rows" or "pictures".
        total: how many there are.
        before: how many of them an earlier call has finished.
    """

    def __init__(self, unit: str, total: int, before: int) -> None:
        self._unit, self._total, self._before = unit, total, before
        self._inputs = self.rows = self.errors = 0
        self._started = self._last_line = time.perf_counter()
        self._bar = progress_bar()
        self._task = self._bar.add_task(unit.capitalize(), total=total - before, rate="")

    def __enter__(self) -> BulkProgress:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return time.perf_counter() - self._started

    def add(self, result: PartResult, inputs: int) -> None:
        """Count a finished part. `inputs`: its rows or pictures, of which one may have several rows in `result`."""
        self.rows += result.rows
        self.errors += result.errors
        self._inputs += inputs
        rate = self._inputs / self.seconds
        self._bar.update(self._task, advance=inputs, rate=f"{rate:,.0f} {self._unit}/s")
        now = time.perf_counter()
        if not console.is_terminal and now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            finished = self._before + self._inputs
            left = timedelta(seconds=round((self._total - finished) / rate))
            print_line(f"{finished:,} of {self._total:,} {self._unit}, {rate:,.0f}/s, {left} left")

    def summary(self) -> str:
        """The line that ends a job."""
        errors = f"{self.errors:,} with an error" if self.errors else "none with an error"
        rate = f"{self._inputs / self.seconds:,.0f} {self._unit}/s"
        now = " in this call" if self._before else ""
        return f"{self.rows:,} rows written{now}, {errors}; {self.seconds:.1f} s, {rate}"
