"""A file -> its pictures: one, or the pages of a PDF or a TIFF, each made when it is asked for."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from PIL import Image

from inkdigit.errors import InkdigitError, TooLargeError
from inkdigit.imaging.decode import FORMATS, MAX_PIXELS, decode
from inkdigit.utils.extras import require_extra

MAX_PAGES = 1000  # of a file
DPI = 200  # a digit 3 mm high has 24 pixels
MAX_PAGE_PIXELS = 16_000_000  # of a PDF's page: A3 at 200 dpi has half as many; larger paper gets fewer dpi

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PDF_START = 1024  # bytes, within which a PDF says that it is one
_PDFIUM_LOCK = threading.Lock()  # PDFium is for one thread at a time


@dataclass(frozen=True)
class Page:
    """A picture in a file.

    Attributes:
        number: the page's number, counted from 1; None where the file itself is the picture.
        name: what to call the picture in messages.
        open: makes the picture.
    """

    number: int | None
    name: str
    open: Callable[[], Image.Image]

    def picture(self) -> Image.Image:
        """The picture, upright, of mode L, RGB or RGBA.

        Raises:
            TooLargeError: it has too many pixels.
            InkdigitError: it is damaged.
        """
        picture = self.open()
        picture.info.clear()  # or a caller that heeds EXIF would turn it a second time
        return picture


def pages(
    content: bytes,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    max_pixels: int = MAX_PIXELS,
    max_pages: int = MAX_PAGES,
) -> list[Page]:
    """The bytes of a file -> its pictures. None is made yet, so that only one at a time is in memory.

    Args:
        content: the file's bytes.
        name: what to call the file in an error.
        formats: Pillow's names of the formats that are accepted, beside PDF.
        max_pixels: how many pixels a picture may have.
        max_pages: how many pages the file may have.

    Raises:
        TooLargeError: the file has more than `max_pages`.
        InkdigitError: it is damaged or encrypted, or is a PDF and the `pdf` extra is not installed.
    """
    if is_pdf(content):
        count, draw = _count_pdf(content, name), partial(_draw_pdf, content, max_pixels=max_pixels)
    elif content.startswith(_TIFF_STARTS) and "TIFF" in formats and (frames := _count_frames(content, max_pages)) > 1:
        count, draw = frames, partial(_frame, content, max_pixels=max_pixels)
    else:
        return [Page(None, name, partial(decode, content, name, formats=formats, max_pixels=max_pixels))]
    if count > max_pages:
        raise TooLargeError(f"{name} has more than {max_pages:,} pages: split it.", code="pages-too-many")
    names = [f"{name}, page {number}" for number in range(1, count + 1)]
    return [Page(place + 1, named, partial(draw, named, place)) for place, named in enumerate(names)]


def is_pdf(content: bytes) -> bool:
    """Whether a file is a PDF, by how it begins."""
    return b"%PDF-" in content[:_PDF_START]


def reads_pdf() -> bool:
    """Whether the `pdf` extra is installed; cheap, since nothing is imported."""
    return find_spec("pypdfium2") is not None


def _count_frames(content: bytes, max_pages: int) -> int:
    """How many frames a TIFF has, at most `max_pages` + 1. A damaged one counts: opening it raises the error."""
    frames = 0
    try:
        with Image.open(io.BytesIO(content), formats=("TIFF",)) as image:
            while frames <= max_pages:
                image.seek(frames)
                frames += 1
    except EOFError:
        return frames
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything for damaged bytes
        return frames + 1
    return frames


def _frame(content: bytes, name: str, place: int, *, max_pixels: int) -> Image.Image:
    return decode(content, name, formats=("TIFF",), max_pixels=max_pixels, frame=place)


def _count_pdf(content: bytes, name: str) -> int:
    with _opened_pdf(content, name) as document:
        return len(document)


def _draw_pdf(content: bytes, name: str, place: int, *, max_pixels: int) -> Image.Image:
    """A page of a PDF as a picture."""
    with _opened_pdf(content, name) as document:
        page = document[place]
        if not all(page.get_size()):
            # The crop box lies outside the media box: like other viewers, show the whole page.
            page.set_cropbox(*page.get_mediabox())
        _check_images(page, name, max_pixels)
        scale = min(DPI / 72, _largest_scale(page.get_size(), min(max_pixels, MAX_PAGE_PIXELS)))
        return page.render(scale=scale, rev_byteorder=True).to_pil().copy()


def _largest_scale(size: tuple[float, float], max_pixels: int) -> float:
    """How much a page of this size, in points, may be enlarged to have at most `max_pixels` pixels.

    Each side is rounded up to whole pixels, which makes a million pixels of a line of 20,000,000 x 0.1 points.
    Therefore the scale s solves (width * s + 1) * (height * s + 1) = max_pixels.
    """
    area, sides, spare = size[0] * size[1], size[0] + size[1], max_pixels - 1
    return 2 * spare / (sides + math.sqrt(sides**2 + 4 * area * spare))


def _check_images(page: Any, name: str, max_pixels: int) -> None:
    """Raise TooLargeError where the page shows a picture too large: PDFium unpacks it whole at any scale."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    for image in page.get_objects([FPDF_PAGEOBJ_IMAGE]):
        width, height = image.get_px_size()
        if width * height > max_pixels:
            size = f"{width} x {height} pixels"
            message = f"{name} has a picture of {size}, and at most {max_pixels:,} are allowed: make it smaller."
            raise TooLargeError(message, code="picture-too-large")


@contextmanager
def _opened_pdf(content: bytes, name: str) -> Generator[Any]:
    """An open PDF, for this thread alone. It is opened again for each page, so that no other thread can hold it."""
    require_extra("pdf", f"{name} is a PDF, and reading it")
    import pypdfium2

    with _PDFIUM_LOCK:
        try:
            document = pypdfium2.PdfDocument(content)
            try:
                yield document
            finally:
                document.close()
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                message = f"{name} is encrypted: save it without a password."
                raise InkdigitError(message, code="file-encrypted") from error
            message = f"{name} is a damaged PDF ({str(error).rstrip('.')}): save it again."
            raise InkdigitError(message, code="file-damaged") from error
