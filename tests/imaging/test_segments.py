"""Files of very many segments are refused before Pillow looks at them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from inkdigit.errors import TooLargeError
from inkdigit.imaging.decode import MAX_JPEG_SEGMENTS, MAX_PNG_CHUNKS, decode
from tests.errors import refused

PICTURE = Image.fromarray(np.full((40, 40), 200, np.uint8))
EMPTY_IDAT = b"\0\0\0\0IDAT\x35\xaf\x06\x1e"  # no data, and its checksum
SEGMENT = b"\xff\xe1\0\x04xx"


def encoded(file_format: str) -> bytes:
    """A small picture in a file of this format."""
    stream = io.BytesIO()
    PICTURE.save(stream, file_format)
    return stream.getvalue()


def png(chunks: int) -> bytes:
    """A PNG with this many empty IDAT chunks before its data."""
    content = encoded("PNG")
    place = content.index(b"IDAT") - 4
    return content[:place] + EMPTY_IDAT * chunks + content[place:]


def jpeg(filling: bytes) -> bytes:
    """A JPEG with this before its first segment."""
    content = encoded("JPEG")
    return content[:2] + filling + content[2:]


@pytest.mark.parametrize(
    "content",
    [png(MAX_PNG_CHUNKS), jpeg(SEGMENT * MAX_JPEG_SEGMENTS), jpeg(b"\xff" * MAX_JPEG_SEGMENTS)],
    ids=["empty IDATs", "APP segments", "fill bytes"],
)
def test_too_many_segments_are_refused(content: bytes) -> None:
    with refused("picture-segments-too-many", "it.png") as caught:
        decode(content, "it.png")
    assert isinstance(caught.value, TooLargeError)


@pytest.mark.parametrize("content", [png(1000), jpeg(SEGMENT * 300)], ids=["PNG", "JPEG"])
def test_some_hundred_segments_are_read(content: bytes) -> None:
    assert decode(content, "it").size == PICTURE.size
