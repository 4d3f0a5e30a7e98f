"""Picture files in requests -> what the model sees, or what is read on them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import struct
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError, TooLargeError
from inkdigit.imaging.documents import Page, pages, reads_pdf
from inkdigit.imaging.preprocess import NoInkError, prepare
from inkdigit.reading import require
from inkdigit.reading.results import Reading
from inkdigit.recognizer import Recognizer
from inkdigit.service.problems import Problem, too_many

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/bmp": "BMP"}
READ = tuple(FORMATS.values())  # as Pillow calls them
PAGES = FORMATS | {"image/tiff": "TIFF"}  # what is read page by page, beside PDF
SMALL, LIGHT = 128 * 128, 4096  # pixels and bytes of a picture that is not worth a thread: half a millisecond


class Blank:
    """A picture without ink."""

    reason = "The picture shows no ink: take one with more contrast."


Prepared = NDArray[np.uint8] | Blank
Options = tuple[Literal["page", "line"], float]  # layout and min_confidence, as for Reader.read


class Pictures:
    """Prepares and reads pictures: one at once, or beside the event loop.

    max_pixels: of a picture, in millions. max_images: pictures or pages in one request. threads: of a reader's model.
    """

    def __init__(self, max_pixels: int, max_images: int, threads: int) -> None:
        self._largest, self._most, self._threads = max_pixels * 1_000_000, max_images, threads
        self._reader: tuple[Recognizer, Any] | None = None
        Image.MAX_IMAGE_PIXELS = None  # this limit is the one that counts, by the header too
        self._pool = ThreadPoolExecutor(2, "pictures")

    async def prepare(self, files: Sequence[bytes], fields: Sequence[str]) -> list[Prepared]:
        """Each picture file as the model wants it. Raises Problem 422.

        fields: where in the request each of them stands.
        """
        loop = asyncio.get_running_loop()
        return [
            await loop.run_in_executor(self._pool, self.prepare_one, content, field)
            for content, field in zip(files, fields, strict=True)
        ]

    def prepare_one(self, content: bytes, field: str) -> Prepared:
        """A picture file as the model wants it. Raises Problem 422. field: where in the request it stands."""
        with _told(field):
            try:
                return prepare(content, name=field, formats=READ, max_pixels=self._largest)
            except NoInkError:
                return Blank()

    async def read(
        self, files: Sequence[bytes], fields: Sequence[str], recognizer: Recognizer, options: Options
    ) -> list[tuple[int | None, Reading]]:
        """What is read on each picture and page, with the page's number where its file has pages.

        One after the other, so that requests take turns and each holds one picture. fields: as for `prepare`. Raises
        Problem 413 or 422.
        """
        loop = asyncio.get_running_loop()
        found: list[tuple[Page, str]] = []
        for content, field in zip(files, fields, strict=True):
            opened = await loop.run_in_executor(self._pool, self._pages, content, field)
            found += [(page, field) for page in opened]
            if len(found) > self._most:
                raise too_many(len(found), self._most)
        return [
            (page.number, await loop.run_in_executor(self._pool, self._read_one, page, field, recognizer, options))
            for page, field in found
        ]

    def _pages(self, content: bytes, field: str) -> list[Page]:
        with _told(field):
            formats = tuple(PAGES.values())
            try:
                return pages(content, field, formats=formats, max_pixels=self._largest, max_pages=self._most)
            except TooLargeError:
                raise too_many(self._most + 1, self._most) from None

    def _read_one(self, page: Page, field: str, recognizer: Recognizer, options: Options) -> Reading:
        reader = self._reader
        if reader is None or reader[0] is not recognizer:  # the first one, or of a version that is new
            # Here and not above: OpenCV would keep a server waiting, as it starts, that may never be asked to read.
            with _told(field):
                require()
            from inkdigit.reading.reader import Reader

            self._reader = reader = recognizer, Reader(recognizer, self._threads)
        layout, min_confidence = options
        with _told(field):
            picture = page.picture()
            return reader[1].read(
                picture, layout=layout, min_confidence=min_confidence, name=page.name, max_pixels=self._largest
            )


@contextmanager
def _told(field: str) -> Generator[None]:
    """Raise as a Problem 422 what is wrong with a picture. field: where in the request it stands."""
    try:
        yield
    except InkdigitError as error:
        setting = "max_pixels" if isinstance(error, TooLargeError) else None
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), field=field, setting=setting) from None


def page_kinds() -> list[str]:
    """The media types of what can be read page by page."""
    return [*PAGES, *(["application/pdf"] if reads_pdf() else [])]


def from_base64(text: str, field: str) -> bytes:
    """The file that a JSON string holds. Raises Problem 422."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        sentence = f"The {field} is not base64. Of a data: address, send what follows the comma."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, field=field) from None


def is_small(content: bytes) -> bool:
    """Whether it is a PNG with few pixels, by its header, and with no room for much else: not worth a thread."""
    if not 24 <= len(content) <= LIGHT or content[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    width, height = struct.unpack(">II", content[16:24])
    return width * height <= SMALL
