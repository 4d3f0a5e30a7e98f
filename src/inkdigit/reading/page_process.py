"""Files of pages read in a process of their own, which is killed where it takes too much memory or nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from inkdigit.imaging.documents import pages
from inkdigit.reading.results import Reading
from inkdigit.recognizer import Recognizer
from inkdigit.utils.fenced_process import FencedProcess
from inkdigit.utils.limits import Limits

if TYPE_CHECKING:  # it opens OpenCV, which only the process needs
    from inkdigit.imaging.page.lines import Layout

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


class PageProcess:
    """A process that reads files with one recognizer at a time; it starts with the first file."""

    def __init__(self, memory: int, threads: int) -> None:
        """Start nothing yet.

        Args:
            memory: MiB that a file may take.
            threads: that the models work on.
        """
        self._limits, self._threads = Limits(memory, inf), threads
        self._recognizer: Recognizer | None = None
        self._process: FencedProcess[PageFile, NumberedReading] | None = None

    def close(self) -> None:
        """Kill the process, also while it reads."""
        if self._process:
            self._process.close()
        self._process = None

    def read(self, file: PageFile, recognizer: Recognizer, is_stopped: Callable[[], bool]) -> list[NumberedReading]:
        """Read all pages of a file.

        Args:
            file: the file.
            recognizer: names digits that stand alone. With another one than before, the process is replaced.
            is_stopped: asked again and again; True ends the process.

        Raises:
            WorkStoppedError: `is_stopped` returned True.
            InkdigitError: as `FencedProcess.work`, or another code where the file cannot be read.
        """
        if self._process is None or recognizer is not self._recognizer:
            self.close()
            self._recognizer = recognizer
            self._process = FencedProcess(self._limits, _set_up, recognizer, self._threads)
        return list(self._process.work(file, lambda: file.name, is_stopped))


def _set_up(recognizer: Recognizer, threads: int) -> Callable[[PageFile], Generator[NumberedReading]]:
    """In the process: open the models, once."""
    from inkdigit.reading.reader import Reader

    reader = Reader(recognizer, threads)

    def read(file: PageFile) -> Generator[NumberedReading]:
        limits = {"max_pixels": file.max_pixels, "max_pages": file.max_pages}
        for page in pages(file.content, file.name, formats=file.formats, **limits):
            picture = page.picture()
            reading = reader.read(
                picture,
                layout=file.layout,
                min_confidence=file.min_confidence,
                name=page.name,
                largest=file.max_pixels,
            )
            yield page.number, reading

    return read
