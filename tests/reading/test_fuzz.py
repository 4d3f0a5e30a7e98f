"""Pictures by chance, of every mode and size: they are read, or refused in one sentence."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inkdigit import read
from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import Page, pages

MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I;16", "I", "F", "PA", "La", "RGBX"]
EXAMPLES = 30


@st.composite
def pictures(draw: st.DrawFn) -> Image.Image:
    """Noise, flat colour, strokes, or all of them; in any mode."""
    width, height = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    chance = np.random.default_rng(draw(st.integers(0, 9)))
    ground, spread = draw(st.integers(0, 255)), draw(st.sampled_from([0, 3, 60, 255]))
    grey = (ground + chance.integers(-spread, spread + 1, (height, width))).clip(0, 255).astype(np.uint8)
    for _ in range(draw(st.integers(0, 5))):
        x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        grey[y : y + draw(st.integers(1, 60)), x : x + draw(st.integers(1, 60))] = draw(st.integers(0, 255))
    image = Image.fromarray(grey)
    mode = draw(st.sampled_from(MODES))
    if mode in {"I;16", "I", "F"}:
        dtype, scale = {"I;16": (np.uint16, 257), "I": (np.int32, 1), "F": (np.float32, 1)}[mode]
        return Image.fromarray(grey.astype(dtype) * dtype(scale))
    if mode in {"PA", "La"}:
        return image.convert("LA").convert(mode)
    if mode == "LAB":
        return Image.merge("LAB", [image] * 3)
    return (image.convert("RGB") if mode in {"HSV", "YCbCr", "CMYK"} else image).convert(mode)


@settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None)
@given(pictures(), st.sampled_from(["page", "line"]), st.floats(0, 1))
def test_whatever_the_picture_its_boxes_lie_inside_it(image: Image.Image, layout: str, least: float) -> None:
    reading = read(image, layout=layout, min_confidence=least)  # type: ignore[arg-type]
    digits = [digit for line in reading.lines for digit in line.digits]
    for found in [*digits, *reading.rejected]:
        x, y, width, height = found.box
        assert 0 <= x < x + width <= image.width
        assert 0 <= y < y + height <= image.height
    assert all(line.digits for line in reading.lines)
    assert all(digit.confidence >= least for digit in digits)
    assert layout == "page" or len(reading.lines) <= 1
    assert reading.text.count("\n") == max(len(reading.lines) - 1, 0)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A picture file or a document, with some of its bytes changed, or the end missing."""
    kind = draw(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "PDF", "BMP", "GIF"]))
    stream = io.BytesIO()
    more = {"save_all": True, "append_images": [Image.new("L", (40, 30), 9)]} if kind in {"TIFF", "PDF"} else {}
    Image.linear_gradient("L").resize((60, 40)).save(stream, kind, **more)
    content = bytearray(stream.getvalue())
    for _ in range(draw(st.integers(0, 6))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.none() | st.integers(0, len(content)))])


@settings(max_examples=2 * EXAMPLES, derandomize=True, database=None, deadline=None)
@given(files())
def test_damaged_files_are_read_or_refused_in_one_sentence(content: bytes) -> None:
    found: list[Page] = []
    with one_sentence():
        found = pages(content, "scan", max_pages=5)
        assert 1 <= len(found) <= 5
    for page in found:
        with one_sentence():
            read(page.picture())


@contextmanager
def one_sentence() -> Generator[None]:
    """What is refused is refused in one."""
    try:
        yield
    except InkdigitError as error:
        if "\n" in str(error):
            raise AssertionError(str(error)) from error
