"""A file -> its pictures: one, or the pages of a PDF or of a TIFF, each made when it is asked for."""

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
from inkdigit.imaging.decode import FORMATS, LARGEST, decode
from inkdigit.utils.extras import require_extra

MOST = 1000  # pages of a file
DPI = 200  # a digit 3 mm high has 24 pixels
LARGEST_PAGE = 16_000_000  # pixels of a PDF's page: A3 at 200 dpi has half as many; larger paper gets fewer dpi

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PDF_START = 1024  # bytes, within which a PDF says that it is one
_PDFIUM = threading.Lock()  # which is for one thread at a time


@dataclass(frozen=True)
class Page:
    """A picture in a file. number: counted from 1; None where the file is the picture. name: for people."""

    number: int | None
    name: str
    open: Callable[[], Image.Image]

    def picture(self) -> Image.Image:
        """The picture, upright, of mode L, RGB or RGBA. Raises InkdigitError where it is damaged or too large."""
        picture = self.open()
        picture.info.clear()  # or whoever is given it turns it once more
        return picture


def pages(
    content: bytes, name: str, *, formats: Sequence[str] = FORMATS, largest: int = LARGEST, most: int = MOST
) -> list[Page]:
    """The pictures in the bytes of a file, none of them made yet: so there is one at a time in memory.

    name: what to call the file in an error. formats: Pillow's names of those that are read, beside PDF. largest:
    pixels of a picture. most: pages. Raises InkdigitError for what is damaged or encrypted, and TooLargeError.
    """
    if is_pdf(content):
        count, draw = _count_pdf(content, name), partial(_draw, content, largest=largest)
    elif content.startswith(_TIFF) and "TIFF" in formats and (frames := _count_frames(content, most)) > 1:
        count, draw = frames, partial(_frame, content, largest=largest)
    else:
        return [Page(None, name, partial(decode, content, name, formats=formats, largest=largest))]
    if count > most:
        raise TooLargeError(f"{name} has more than {most:,} pages: split it.")
    names = [f"{name}, page {number}" for number in range(1, count + 1)]
    return [Page(place + 1, named, partial(draw, named, place)) for place, named in enumerate(names)]


def is_pdf(content: bytes) -> bool:
    """Whether a file is a PDF, by how it begins."""
    return b"%PDF-" in content[:_PDF_START]


def reads_pdf() -> bool:
    """Whether the `pdf` extra is installed; cheap, since nothing is imported."""
    return find_spec("pypdfium2") is not None


def _count_frames(content: bytes, most: int) -> int:
    """How many frames a TIFF has, or one more than `most`. A damaged one counts: whoever opens it hears of it."""
    frames = 0
    try:
        with Image.open(io.BytesIO(content), formats=("TIFF",)) as image:
            while frames <= most:
                image.seek(frames)
                frames += 1
    except EOFError:
        return frames
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything for damaged bytes
        return frames + 1
    return frames


def _frame(content: bytes, name: str, place: int, *, largest: int) -> Image.Image:
    return decode(content, name, formats=("TIFF",), largest=largest, frame=place)


def _count_pdf(content: bytes, name: str) -> int:
    with _pdf(content, name) as document:
        return len(document)


def _draw(content: bytes, name: str, place: int, *, largest: int) -> Image.Image:
    """A page of a PDF as a picture."""
    with _pdf(content, name) as document:
        page = document[place]
        width, height = page.get_size()
        _check_images(page, name, largest)
        scale = min(DPI / 72, math.sqrt(min(largest, LARGEST_PAGE) / (width * height)))
        return page.render(scale=scale, rev_byteorder=True).to_pil().copy()


def _check_images(page: Any, name: str, largest: int) -> None:
    """Raise TooLargeError where the page shows a picture too large: it is unpacked whole, whatever is made of it."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    for image in page.get_objects([FPDF_PAGEOBJ_IMAGE]):
        width, height = image.get_px_size()
        if width * height > largest:
            size = f"{width} x {height} pixels"
            raise TooLargeError(f"{name} has a picture of {size}, and at most {largest:,} are read: make it smaller.")


@contextmanager
def _pdf(content: bytes, name: str) -> Generator[Any]:
    """An open PDF, for this thread alone. Opened anew for each page: what is closed here, no other thread can hold."""
    require_extra("pdf", f"{name} is a PDF, and reading it")
    import pypdfium2

    with _PDFIUM:
        try:
            document = pypdfium2.PdfDocument(content)
            try:
                yield document
            finally:
                document.close()
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                problem = "is encrypted: save it without a password"
            else:
                problem = f"is a damaged PDF ({str(error).rstrip('.')}): save it again"
            raise InkdigitError(f"{name} {problem}.") from error
