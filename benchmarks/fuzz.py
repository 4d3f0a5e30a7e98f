"""Hostile bytes by the million: whatever they are, they are read, or refused with an InkdigitError.

    .venv/bin/pip install atheris==3.0.0
    .venv/bin/python benchmarks/fuzz.py decode|documents|page [SECONDS] [CORPUS]

Atheris changes small pictures and PDFs byte by byte, guided by which lines of Inkdigit and Pillow they reach. It stops
at the first other exception, at an input that takes over 20 seconds, or at 2 GB, and writes that input to
./crash-…, ./timeout-… or ./oom-…; run the same command with it in place of CORPUS. CORPUS is a folder that keeps the
inputs found for the next time; without it they are lost. It takes ten minutes unless SECONDS says otherwise.
"""

from __future__ import annotations

import io
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris  # pyright: ignore[reportMissingImports] - installed for this alone
import numpy as np

with atheris.instrument_imports(include=["inkdigit.imaging", "PIL"]):  # pyright: ignore[reportAttributeAccessIssue]
    from PIL import Image, ImageDraw

    from inkdigit.errors import InkdigitError
    from inkdigit.imaging.decode import FORMATS, decode
    from inkdigit.imaging.documents import pages
    from inkdigit.imaging.page.lines import lines_in

MAX_PIXELS = 1_000_000  # less than in use, since most inputs should take milliseconds


def decode_bytes(content: bytes) -> None:
    """A picture file."""
    decode(content, "fuzz", max_pixels=MAX_PIXELS)


def decode_documents(content: bytes) -> None:
    """A PDF, a TIFF with pages, or a picture."""
    for page in pages(content, "fuzz", max_pixels=MAX_PIXELS):
        page.picture()


def find_lines(content: bytes) -> None:
    """A picture of a page: two bytes of width and layout, the rest its pixels."""
    if len(content) < 3:
        return
    width, layout = content[0] + 1, "line" if content[1] % 2 else "page"
    pixels = np.frombuffer(content[2:], np.uint8)
    rows = len(pixels) // width
    if rows:
        lines_in(Image.fromarray(pixels[: rows * width].reshape(rows, width)), layout)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "decode": decode_bytes,
    "documents": decode_documents,
    "page": find_lines,
}


def drawing() -> Image.Image:
    """A small page with a few strokes."""
    page = Image.new("L", (60, 40), 255)
    pen = ImageDraw.Draw(page)
    for start in (8, 25, 42):
        pen.line((start, 10, start + 6, 30), fill=0, width=3)
        pen.ellipse((start, 12, start + 8, 20), outline=40, width=2)
    return page


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """The content of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def seeds(target: str) -> list[bytes]:
    """Inputs to begin with."""
    Image.init()  # loads all formats
    page = drawing()
    if target == "page":
        return [bytes([page.width - 1, layout]) + page.tobytes() for layout in (0, 1)]
    forms = ["PDF", "TIFF"] if target == "documents" else [name for name in FORMATS if name in Image.SAVE]
    files = [saved(page.convert(mode), form) for form in forms for mode in ("L", "RGB")]
    if target == "documents":
        files += [saved(page, form, save_all=True, append_images=[page]) for form in forms]
    return files


def main() -> None:
    """Run one target."""
    name, seconds, *rest = [*sys.argv[1:], "600"][: max(len(sys.argv) - 1, 2)]
    target = TARGETS[name]
    warnings.simplefilter("ignore")

    def run(content: bytes) -> None:
        with suppress(InkdigitError):
            target(content)

    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(seeds(name)):
            (Path(folder) / f"seed-{number}").write_bytes(content)
        limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=65536"]
        atheris.Setup([sys.argv[0], *limits, *rest, *([] if rest and Path(rest[0]).is_file() else [folder])], run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
