"""Pictures with lines of real digits, and the bytes of picture files."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from inkdigit.data.dataset import Dataset


def page(digits: Dataset, text: str, size: int = 112) -> Image.Image:
    """Lines of MNIST's digits, dark on white paper.

    size: pixels of each side of a digit's image, which has 28 in MNIST.
    """
    lines = text.split("\n")
    width, height = int(1.2 * size), int(1.4 * size)
    sheet = Image.new("L", (width * max(map(len, lines)) + 40, height * len(lines) + 40), 255)
    assert digits.labels is not None
    for row, line in enumerate(lines):
        for place, digit in enumerate(line):
            image = digits.images[np.flatnonzero(digits.labels == int(digit))[5]]
            drawn = Image.fromarray(~image).resize((size, size), Image.Resampling.BICUBIC)
            sheet.paste(drawn, (20 + width * place, 20 + height * row))
    return sheet


def file(kind: str, first: Image.Image, others: Sequence[Image.Image] = (), **options: object) -> bytes:
    """The bytes of a picture file; `others` are further pages of a TIFF or a PDF."""
    stream = io.BytesIO()
    several = {"save_all": True, "append_images": [other.copy() for other in others]} if others else {}
    first.copy().save(stream, kind, **several, **options)  # copies: Pillow leaves its options with what it saves
    return stream.getvalue()
