"""How far a collection is: a bar with rate and time left on a terminal, else a line now and then."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType

from inkdigit.bulk.worker import Done
from inkdigit.utils.progress import console, progress_bar

_EVERY = 10.0  # seconds between lines


class BulkProgress:
    """Counts rows (or pictures, as `unit` says). total: of all; before: of those that were done by an earlier call."""

    def __init__(self, unit: str, total: int, before: int) -> None:
        self._unit, self._total, self._before, self._planned = unit, total, before, 0
        self.rows = self.errors = 0
        self._started = self._told = time.perf_counter()
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

    def done(self, done: Done, planned: int) -> None:
        """A part is done, which was planned to have so many rows."""
        self.rows += done.rows
        self.errors += done.errors
        self._planned += planned
        rate = self._planned / self.seconds
        self._bar.update(self._task, advance=planned, rate=f"{rate:,.0f} {self._unit}/s")
        now = time.perf_counter()
        if not console.is_terminal and now - self._told >= _EVERY:
            self._told = now
            so_far = self._before + self._planned
            left = timedelta(seconds=round((self._total - so_far) / rate))
            console.print(f"{so_far:,} of {self._total:,} {self._unit}, {rate:,.0f}/s, {left} left")

    def summary(self) -> str:
        """A line when all is done."""
        errors = f"{self.errors:,} with an error" if self.errors else "none with an error"
        rate = f"{self._planned / self.seconds:,.0f} {self._unit}/s"
        now = " in this call" if self._before else ""
        return f"{self.rows:,} rows of answers{now}, {errors}; {self.seconds:.1f} s, {rate}"
