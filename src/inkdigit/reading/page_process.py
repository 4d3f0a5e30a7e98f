"""Files of pages read in a process of their own, which is killed where it takes too much memory or nobody waits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import pages
from inkdigit.reading.results import Reading
from inkdigit.recognizer import Recognizer
from inkdigit.utils.worker_pool import Ask, Died, Failed, Finished, WorkerPool

if TYPE_CHECKING:  # it opens OpenCV, which only the process needs
    from inkdigit.imaging.page.lines import Layout
    from inkdigit.reading.reader import Reader

TOO_LITTLE_MEMORY = "read-memory"  # the code of the error
POLL_SECONDS = 0.05  # between two looks at whether anybody still waits
MIB = 1 << 20

NumberedReading = tuple[int | None, Reading]  # with the page's number if the file has pages


@dataclass(frozen=True)
class PageFile:
    """A file to read.

    Attributes:
        content: its bytes.
        name: what to call it in an error.
        formats: Pillow's names of the formats that are accepted, beside PDF.
        max_pixels: how many pixels a picture may have.
        max_pages: how many pages the file may have.
        layout: as for `Reader.read`.
        min_confidence: as for `Reader.read`.
    """

    content: bytes
    name: str
    formats: tuple[str, ...]
    max_pixels: int
    max_pages: int
    layout: Layout
    min_confidence: float


class WorkStoppedError(Exception):
    """Nobody waits for a reading any more."""


class PageProcess:
    """A process that reads files, one at a time, for one caller at a time.

    It starts with the first file. A process that is killed, or dies, is replaced with the next one.
    """

    def __init__(self, memory: int, threads: int) -> None:
        """Start nothing yet.

        Args:
            memory: MiB that the process may take for a file, beside what it has when its models are loaded.
            threads: that the models work on.
        """
        self._memory, self._threads = memory, threads
        self._recognizer: Recognizer | None = None
        self._pool: WorkerPool[PageFile, list[NumberedReading]] | None = None

    def close(self) -> None:
        """Kill the process, also while it reads."""
        if self._pool:
            self._pool.close()
        self._pool = None

    def read(self, file: PageFile, recognizer: Recognizer, is_stopped: Callable[[], bool]) -> list[NumberedReading]:
        """Read all pages of a file.

        Args:
            file: the file.
            recognizer: names digits that stand alone. With another one than before, the process is replaced.
            is_stopped: asked again and again; True ends the process.

        Raises:
            WorkStoppedError: `is_stopped` returned True.
            InkdigitError: `read-memory` where the file takes too much memory, `reader-died` or `reader-failed` where
                the process died or failed over it; or another code where the file cannot be read.
        """
        if self._pool is None or recognizer is not self._recognizer:
            self.close()
            self._recognizer = recognizer
            self._pool = WorkerPool(1, _set_up, recognizer, self._threads, self._memory)
        self._pool.submit(0, file)
        while not (events := self._pool.wait(POLL_SECONDS)):
            if is_stopped():
                self.close()
                raise WorkStoppedError
        match events[0]:
            case Finished(result=result):
                return result
            case Failed(error=InkdigitError() as error):
                if error.code == TOO_LITTLE_MEMORY:
                    self.close()  # what it still holds could make the next file fail too
                raise error
            case Failed(error=error):
                self.close()
                reason = str(error).rstrip().rpartition("\n")[2]
                raise InkdigitError(f"{file.name} could not be read ({reason}).", code="reader-failed") from error
            case Died(exit_code=code):
                self.close()
                message = f"{file.name} ended the process that read it (exit code {code}): save it in another way."
                raise InkdigitError(message, code="reader-died")
            case _:
                raise TypeError(events)


def _set_up(recognizer: Recognizer, threads: int, memory: int) -> Callable[[PageFile, Ask], list[NumberedReading]]:
    """In the process: open the models, once, then limit the memory."""
    from inkdigit.reading.reader import Reader

    reader = Reader(recognizer, threads)
    _limit_memory(memory * MIB)

    def read(file: PageFile, _: Ask) -> list[NumberedReading]:
        try:
            return _read_pages(reader, file)
        except Exception as error:
            if _is_lack_of_memory(error):
                raise InkdigitError(
                    f"{file.name} takes more than {memory:,} MiB of memory to read: send fewer pixels, or cut it up.",
                    code=TOO_LITTLE_MEMORY,
                ) from None
            raise

    return read


def _read_pages(reader: Reader, file: PageFile) -> list[NumberedReading]:
    found: list[NumberedReading] = []
    opened = pages(file.content, file.name, formats=file.formats, max_pixels=file.max_pixels, max_pages=file.max_pages)
    for page in opened:
        reading = reader.read(
            page.picture(),
            layout=file.layout,
            min_confidence=file.min_confidence,
            name=page.name,
            largest=file.max_pixels,
        )
        found.append((page.number, reading))
    return found


def _is_lack_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it comes from, is of Python, OpenCV or ONNX Runtime without memory."""
    if error is None:
        return False
    import cv2

    opencv = isinstance(error, cv2.error) and error.code == cv2.Error.STS_NO_MEM
    onnx_runtime = "bad_alloc" in str(error) or "Failed to allocate memory" in str(error)
    return isinstance(error, MemoryError) or opencv or onnx_runtime or _is_lack_of_memory(error.__cause__)


def _limit_memory(more: int) -> None:
    """Limit the address space of this process to what it has now and `more` bytes."""
    if sys.platform != "linux":  # others have no such limit, or do not keep it
        return
    import resource

    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = size + more if hard == resource.RLIM_INFINITY else min(size + more, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
