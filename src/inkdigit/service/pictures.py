"""Picture files in requests -> what the model gets, or what is read on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from math import inf

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError
from inkdigit.imaging.decode import PNG_START, header_size
from inkdigit.imaging.documents import reads_pdf
from inkdigit.imaging.preprocess import NoInkError, prepare
from inkdigit.reading.page_process import NumberedReading, PageFile, PageProcess
from inkdigit.recognizer import Recognizer
from inkdigit.service.problems import Problem, too_many_images
from inkdigit.service.process_pool import IsStopped, ProcessPool
from inkdigit.service.schemas.read import Layout
from inkdigit.utils.extras import require_extra
from inkdigit.utils.fenced_process import FencedProcess
from inkdigit.utils.limits import Limits

PICTURE_TYPES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/avif": "AVIF",
    "image/heic": "HEIF",
}
PAGE_TYPES = PICTURE_TYPES | {"image/tiff": "TIFF"}  # what is read page by page, besides PDF
# A PNG of at most this many pixels and bytes is prepared in the event loop: it takes half a millisecond.
SMALL_PIXELS, SMALL_BYTES = 128 * 128, 4096
READING_PROCESSES = 2
# Larger pictures, and those of other formats, are prepared in another process: what is damaged may end it.
MAX_PIXELS_HERE, MAX_BYTES_HERE = 1_000_000, 1 << 20
# The setting that raises the limit which an error is about, by the error's code; and the codes that are no 422.
SETTINGS = {"picture-too-large": "max_pixels", "pages-too-many": "max_images", "read-memory": "read_memory"}
STATUSES = {
    "pages-too-many": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "read-memory": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "extra-missing": HTTPStatus.NOT_IMPLEMENTED,
}


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
    """Prepares and reads pictures: small ones in this process, others in processes of their own."""

    def __init__(self, max_pixels: int, max_images: int, threads: int, read_memory: int) -> None:
        """Start no thread and no process yet.

        Args:
            max_pixels: of a picture, in millions.
            max_images: pictures or pages in one request.
            threads: that a reader's model works on.
            read_memory: MiB that a file may take in a process.
        """
        self._max_pixels, self._max_images = max_pixels * 1_000_000, max_images
        Image.MAX_IMAGE_PIXELS = None  # max_pixels is the limit instead, and it is checked by the header too
        self._threads = ThreadPoolExecutor(2, "pictures")
        preparer = FencedProcess[_Single, Prepared](Limits(read_memory, inf), _set_up_preparing)
        self._preparers = ProcessPool([preparer], "preparers")
        # Other processes than those, so that no reading keeps a picture of one digit waiting.
        self._readers = ProcessPool([PageProcess(read_memory, threads) for _ in range(READING_PROCESSES)], "readers")

    def stop(self) -> None:
        """End the readings under way, and refuse more."""
        self._readers.stop()
        self._preparers.stop()

    def close(self) -> None:
        """End the processes, and wait for the other work under way; take no more."""
        self._readers.close()
        self._preparers.close()
        self._threads.shutdown()

    async def prepare(self, files: Sequence[PictureFile]) -> list[Prepared]:
        """Each picture as the model takes it, (28, 28) uint8, or Blank. Raises Problem 413, 422 or 503."""
        return [await self._prepare(file) for file in files]

    def prepare_one(self, file: PictureFile) -> Prepared:
        """One small picture as the model takes it, (28, 28) uint8, or Blank. Raises Problem 422."""
        with _as_problem(file.field):
            return _prepared(_Single(file, self._max_pixels))

    async def _prepare(self, file: PictureFile) -> Prepared:
        size = header_size(file.content)
        if size and size[0] * size[1] <= MAX_PIXELS_HERE and len(file.content) <= MAX_BYTES_HERE:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.prepare_one, file)
        task = _Single(file, self._max_pixels)
        with _as_problem(file.field):
            (found,) = await self._preparers.run(
                lambda process, is_stopped: list(process.work(task, lambda: file.field, is_stopped))
            )
        return found

    async def read(
        self, files: Sequence[PictureFile], recognizer: Recognizer, options: ReadOptions
    ) -> list[NumberedReading]:
        """What is read on each picture and page, with the page's number if its file has pages.

        Files are read one after the other, so that requests take turns. When the caller is cancelled, the process that
        reads is killed.

        Raises:
            Problem: 413 for too many pages or too much memory, 422 for a file that cannot be read, 501 where OpenCV is
                not installed, 503 after `stop`.
        """
        found: list[NumberedReading] = []
        for file in files:
            page_file = PageFile(
                file.content,
                file.field,
                tuple(PAGE_TYPES.values()),
                self._max_pixels,
                self._max_images,
                options.layout,
                options.min_confidence,
            )
            with _as_problem(file.field):
                require_extra("read", "Reading lines of digits")
                found += await self._readers.run(partial(_read, page_file, recognizer))
            if len(found) > self._max_images:
                raise too_many_images(len(found), self._max_images)
        return found


def _read(file: PageFile, recognizer: Recognizer, process: PageProcess, is_stopped: IsStopped) -> list[NumberedReading]:
    return process.read(file, recognizer, is_stopped)


@dataclass(frozen=True)
class _Single:
    """A picture of one digit to prepare, and how many pixels it may have."""

    file: PictureFile
    max_pixels: int


def _prepared(task: _Single) -> Prepared:
    formats = tuple(PICTURE_TYPES.values())
    try:
        return prepare(task.file.content, name=task.file.field, formats=formats, largest=task.max_pixels)
    except NoInkError:
        return Blank()


def _set_up_preparing() -> Callable[[_Single], list[Prepared]]:
    """In a process: what prepares a picture."""
    Image.MAX_IMAGE_PIXELS = None  # as in the server
    return lambda task: [_prepared(task)]


@contextmanager
def _as_problem(field: str) -> Generator[None]:
    """Raise what is wrong with a picture as Problem 413, 422 or 501. field: where in the request it stands."""
    try:
        yield
    except InkdigitError as error:
        status = STATUSES.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        raise Problem(status, str(error), field=field, setting=SETTINGS.get(error.code)) from None


def page_types() -> list[str]:
    """The media types of files that can be read page by page."""
    return [*PAGE_TYPES, *(["application/pdf"] if reads_pdf() else [])]


def is_small(content: bytes) -> bool:
    """Whether a file is a PNG with few pixels, by its header, and few bytes."""
    size = header_size(content) if len(content) <= SMALL_BYTES and content.startswith(PNG_START) else None
    return size is not None and size[0] * size[1] <= SMALL_PIXELS
