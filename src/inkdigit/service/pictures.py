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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError, TooLargeError
from inkdigit.imaging.documents import Page, pages, reads_pdf
from inkdigit.imaging.preprocess import NoInkError, prepare
from inkdigit.reading.results import Reading
from inkdigit.recognizer import Recognizer
from inkdigit.service.problems import Problem, too_many_images
from inkdigit.service.schemas.read import Layout
from inkdigit.utils.extras import require_extra

if TYPE_CHECKING:
    from inkdigit.reading.reader import Reader

PICTURE_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/bmp": "BMP"}
PAGE_TYPES = PICTURE_TYPES | {"image/tiff": "TIFF"}  # what is read page by page, besides PDF
# A PNG of at most this many pixels and bytes is prepared in the event loop: it takes half a millisecond.
SMALL_PIXELS, SMALL_BYTES = 128 * 128, 4096
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


class WorkStoppedError(Exception):
    """Nobody waits for a reading any more."""


class Pictures:
    """Prepares and reads pictures, beside the event loop or, a small one, in it."""

    def __init__(self, max_pixels: int, max_images: int, threads: int) -> None:
        """Start no thread yet.

        Args:
            max_pixels: of a picture, in millions.
            max_images: pictures or pages in one request.
            threads: that a reader's model works on.
        """
        self._max_pixels, self._max_images, self._threads = max_pixels * 1_000_000, max_images, threads
        self._reader: tuple[Recognizer, Reader] | None = None
        self._reader_lock = threading.Lock()
        Image.MAX_IMAGE_PIXELS = None  # max_pixels is the limit instead, and it is checked by the header too
        self._pool = ThreadPoolExecutor(2, "pictures")

    def close(self) -> None:
        """Wait for the work under way, and take no more."""
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
    ) -> list[tuple[int | None, Reading]]:
        """What is read on each picture and page, with the page's number if its file has pages.

        One after the other, so that requests take turns and each holds one picture in memory. When the caller is
        cancelled, the thread stops at its next step.

        Raises:
            Problem: 413 for too many pages, 422 for a file that cannot be read.
        """
        loop = asyncio.get_running_loop()
        stopped = threading.Event()
        try:
            found: list[tuple[Page, str]] = []
            for file in files:
                opened = await loop.run_in_executor(self._pool, self._pages, file)
                found += [(page, file.field) for page in opened]
                if len(found) > self._max_images:
                    raise too_many_images(len(found), self._max_images)
            read = [(page.number, (page, field, recognizer, options, stopped)) for page, field in found]
            return [(number, await loop.run_in_executor(self._pool, self._read_one, *job)) for number, job in read]
        finally:
            stopped.set()

    def _pages(self, file: PictureFile) -> list[Page]:
        with _as_problem(file.field):
            formats = tuple(PAGE_TYPES.values())
            try:
                return pages(
                    file.content, file.field, formats=formats, max_pixels=self._max_pixels, max_pages=self._max_images
                )
            except TooLargeError:
                raise too_many_images(self._max_images + 1, self._max_images) from None

    def _read_one(
        self, page: Page, field: str, recognizer: Recognizer, options: ReadOptions, stopped: threading.Event
    ) -> Reading:
        def check() -> None:
            if stopped.is_set():
                raise WorkStoppedError

        with _as_problem(field):
            check()
            picture = page.picture()
            return self._reader_of(recognizer).read(
                picture,
                layout=options.layout,
                min_confidence=options.min_confidence,
                name=page.name,
                largest=self._max_pixels,
                check=check,
            )

    def _reader_of(self, recognizer: Recognizer) -> Reader:
        """The reader that uses this recognizer; a new one after a new version was loaded."""
        with self._reader_lock:  # two threads that open OpenCV at once get in each other's way
            if self._reader is None or self._reader[0] is not recognizer:
                require_extra("read", "Reading lines of digits")
                # Imported late: opening OpenCV takes longer than the rest of the start, and many servers never read.
                from inkdigit.reading.reader import Reader

                self._reader = recognizer, Reader(recognizer, self._threads)
            return self._reader[1]


@contextmanager
def _as_problem(field: str) -> Generator[None]:
    """Raise what is wrong with a picture as Problem 422. field: where in the request it stands."""
    try:
        yield
    except InkdigitError as error:
        setting = "max_pixels" if isinstance(error, TooLargeError) else None
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), field=field, setting=setting) from None


def page_types() -> list[str]:
    """The media types of files that can be read page by page."""
    return [*PAGE_TYPES, *(["application/pdf"] if reads_pdf() else [])]


def is_small(content: bytes) -> bool:
    """Whether a file is a PNG with few pixels, by its header, and few bytes."""
    if not 24 <= len(content) <= SMALL_BYTES or not content.startswith(PNG_START):
        return False
    width, height = struct.unpack(">II", content[16:24])
    return width * height <= SMALL_PIXELS
