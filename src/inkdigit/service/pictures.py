"""Picture files in requests -> what the model gets, or what is read on them."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import reads_pdf
from inkdigit.imaging.preprocess import NoInkError, prepare
from inkdigit.reading.page_process import NumberedReading, PageFile, PageProcess, WorkStoppedError
from inkdigit.recognizer import Recognizer
from inkdigit.service.problems import Problem, too_many_images
from inkdigit.service.schemas.read import Layout
from inkdigit.utils.extras import require_extra

PICTURE_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/bmp": "BMP"}
PAGE_TYPES = PICTURE_TYPES | {"image/tiff": "TIFF"}  # what is read page by page, besides PDF
# A PNG of at most this many pixels and bytes is prepared in the event loop: it takes half a millisecond.
SMALL_PIXELS, SMALL_BYTES = 128 * 128, 4096
READING_PROCESSES = 2
# The setting that raises the limit which an error is about, by the error's code; and the codes that are a 413.
SETTINGS = {"picture-too-large": "max_pixels", "pages-too-many": "max_images", "read-memory": "read_memory"}
PAYLOAD_TOO_LARGE = {"pages-too-many", "read-memory"}
PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class PictureFile:
    """The bytes of a picture file, and where they stand in the request, such as `files[0]`."""

    content: bytes
    field: str


@dataclass(frozen=True)
class ReadOptions:
    """How to read a page: see Reader.read."""

    layout: Layout = "page"
    min_confidence: float = 0.0


class Blank:
    """A picture without ink."""

    reason = "The picture shows no ink: take one with more contrast."


Prepared = NDArray[np.uint8] | Blank


class Pictures:
    """Prepares and reads pictures, beside the event loop or, a small one, in it."""

    def __init__(self, max_pixels: int, max_images: int, threads: int, read_memory: int) -> None:
        """Start no thread and no process yet.

        Args:
            max_pixels: of a picture, in millions.
            max_images: pictures or pages in one request.
            threads: that a reader's model works on.
            read_memory: MiB that reading a file may take.
        """
        self._max_pixels, self._max_images = max_pixels * 1_000_000, max_images
        Image.MAX_IMAGE_PIXELS = None  # max_pixels is the limit instead, and it is checked by the header too
        self._pool = ThreadPoolExecutor(2, "pictures")
        # A thread for each process waits for it, so that no reading keeps a picture of one digit waiting.
        self._readers = ThreadPoolExecutor(READING_PROCESSES, "readers")
        self._processes = SimpleQueue[PageProcess]()
        for _ in range(READING_PROCESSES):
            self._processes.put(PageProcess(read_memory, threads))
        self._is_closed = threading.Event()

    def close(self) -> None:
        """End the processes, and wait for the other work under way; take no more."""
        self._is_closed.set()
        self._readers.shutdown(cancel_futures=True)
        for _ in range(READING_PROCESSES):
            self._processes.get().close()
        self._pool.shutdown()

    async def prepare(self, files: Sequence[PictureFile]) -> list[Prepared]:
        """Each picture as the model takes it, (28, 28) uint8, or Blank. Raises Problem 422."""
        loop = asyncio.get_running_loop()
        return [await loop.run_in_executor(self._pool, self.prepare_one, file) for file in files]

    def prepare_one(self, file: PictureFile) -> Prepared:
        """One picture as the model takes it, (28, 28) uint8, or Blank. Raises Problem 422."""
        formats = tuple(PICTURE_TYPES.values())
        with _as_problem(file.field):
            try:
                return prepare(file.content, name=file.field, formats=formats, largest=self._max_pixels)
            except NoInkError:
                return Blank()

    async def read(
        self, files: Sequence[PictureFile], recognizer: Recognizer, options: ReadOptions
    ) -> list[NumberedReading]:
        """What is read on each picture and page, with the page's number if its file has pages.

        Files are read one after the other, so that requests take turns. When the caller is cancelled, the process that
        reads is killed.

        Raises:
            Problem: 413 for too many pages or too much memory, 422 for a file that cannot be read.
        """
        require_extra("read", "Reading lines of digits")
        loop = asyncio.get_running_loop()
        stopped = threading.Event()
        found: list[NumberedReading] = []
        try:
            for file in files:
                found += await loop.run_in_executor(self._readers, self._read_one, file, recognizer, options, stopped)
                if len(found) > self._max_images:
                    raise too_many_images(len(found), self._max_images)
        finally:
            stopped.set()
        return found

    def _read_one(
        self, file: PictureFile, recognizer: Recognizer, options: ReadOptions, stopped: threading.Event
    ) -> list[NumberedReading]:
        page_file = PageFile(
            file.content,
            file.field,
            tuple(PAGE_TYPES.values()),
            self._max_pixels,
            self._max_images,
            options.layout,
            options.min_confidence,
        )
        process = self._processes.get()
        try:
            with _as_problem(file.field):
                return process.read(page_file, recognizer, lambda: stopped.is_set() or self._is_closed.is_set())
        except WorkStoppedError:
            return []  # nobody waits
        finally:
            self._processes.put(process)


@contextmanager
def _as_problem(field: str) -> Generator[None]:
    """Raise what is wrong with a picture as Problem 413 or 422. field: where in the request it stands."""
    try:
        yield
    except InkdigitError as error:
        is_too_large = error.code in PAYLOAD_TOO_LARGE
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_too_large else HTTPStatus.UNPROCESSABLE_ENTITY
        raise Problem(status, str(error), field=field, setting=SETTINGS.get(error.code)) from None


def page_types() -> list[str]:
    """The media types of files that can be read page by page."""
    return [*PAGE_TYPES, *(["application/pdf"] if reads_pdf() else [])]


def is_small(content: bytes) -> bool:
    """Whether a file is a PNG with few pixels, by its header, and few bytes."""
    if not 24 <= len(content) <= SMALL_BYTES or not content.startswith(PNG_START):
        return False
    width, height = struct.unpack(">II", content[16:24])
    return width * height <= SMALL_PIXELS
