"""Files read in a process of their own: for one that takes too much there is an error, and the others are read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path

from inkdigit.reading.file_results import FileResult, ReadFile
from inkdigit.utils.fenced_process import FencedProcess, FileFailedError
from inkdigit.utils.limits import Limits


def fenced_reader(limits: Limits, set_up: Callable[[], ReadFile]) -> Callable[[Path], Generator[FileResult]]:
    """Reads files as what `set_up` returns does, in another process.

    Where a page of a document takes too much, those after it are read too, unless the next one also does.

    Args:
        limits: what each picture may take.
        set_up: opens the models, there; pickled.
    """
    process = FencedProcess[tuple[Path, int], FileResult](limits, _set_up, set_up)

    def read(file: Path) -> Generator[FileResult]:
        skipped = done = 0

        def name() -> str:
            return f"{file}, page {done + 1}" if done else str(file)

        while True:
            try:
                for result in process.work((file, skipped), name):
                    yield result
                    done += 1
            except FileFailedError as error:
                yield FileResult(file, error=str(error), page=done + 1 if done else None)
                if done == skipped:
                    return
                skipped = done = done + 1
            else:
                return

    return read


def _set_up(set_up: Callable[[], ReadFile]) -> Callable[[tuple[Path, int]], Iterable[FileResult]]:
    read = set_up()
    return lambda part: read(*part)
