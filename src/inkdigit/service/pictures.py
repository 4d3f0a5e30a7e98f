"""Picture files in requests -> what the model sees."""

from __future__ import annotations

import asyncio
import base64
import binascii
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError, TooLargeError
from inkdigit.imaging.prepare import NoInkError, prepare
from inkdigit.service.problems import Problem

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/bmp": "BMP"}
READ = tuple(FORMATS.values())  # as Pillow calls them
SMALL, LIGHT = 128 * 128, 4096  # pixels and bytes of a picture that is not worth a thread: half a millisecond


class Blank:
    """A picture without ink."""

    reason = "The picture shows no ink: take one with more contrast."


Prepared = NDArray[np.uint8] | Blank


class Pictures:
    """Prepares pictures, one at once or several beside the event loop.

    max_pixels: of a picture, in millions.
    """

    def __init__(self, max_pixels: int) -> None:
        self._largest = max_pixels * 1_000_000
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
        try:
            return prepare(content, name=field, formats=READ, largest=self._largest)
        except NoInkError:
            return Blank()
        except InkdigitError as error:
            setting = "max_pixels" if isinstance(error, TooLargeError) else None
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), field=field, setting=setting) from None


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
