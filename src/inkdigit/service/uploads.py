"""The picture files in a request: the body itself, a form's files, or base64 in JSON."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import AsyncGenerator, Iterable
from http import HTTPStatus

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from inkdigit.reading.client import media_type_of
from inkdigit.service.pictures import PAGE_TYPES, PictureFile
from inkdigit.service.problems import Problem, too_many_images
from inkdigit.service.schemas.digits import Encoded
from inkdigit.service.tensors import BOM

JSON, MULTIPART = "application/json", "multipart/form-data"
# What clients state that do not know better: the third is curl's.
UNTOLD = {"", "application/octet-stream", "application/x-www-form-urlencoded"}
DATA_ADDRESS = re.compile(r"data:[^,]{0,100},")


class _FormParser(MultiPartParser):
    """Starlette's parser, without temporary files, and with at most `max_parts` files and fields."""

    spool_max_size = sys.maxsize  # the body is in memory already, and stays off the disk
    max_parts = 0
    parts = 0

    def on_part_begin(self) -> None:
        """Count the parts. Raises Problem 413 for one too many."""
        self.parts += 1
        if self.parts > self.max_parts:
            raise too_many_images(self.parts, self.max_parts)
        super().on_part_begin()


def media_type(request: Request, body: bytes) -> str:
    """The media type of a request's body: the stated one, or, where that says little, what the body begins as."""
    sent = dict(request.scope["headers"]).get(b"content-type", b"").decode("latin-1")
    stated = sent.partition(";")[0].strip().lower()
    is_unknown_picture = stated.startswith("image/") and stated not in PAGE_TYPES
    if stated not in UNTOLD and not is_unknown_picture:
        return stated
    if body.removeprefix(BOM).lstrip()[:1] == b"{":
        return JSON
    return media_type_of(body) or stated


async def picture_files(
    request: Request, kind: str, body: bytes, accepted: Iterable[str], limit: int
) -> list[PictureFile]:
    """The picture file that a body is, or the files in a form.

    Args:
        request: for its headers.
        kind: the body's media type.
        body: as it was sent.
        accepted: media types of pictures.
        limit: files in a form.

    Raises:
        Problem: 400, 413, 415 or 422.
    """
    if kind in accepted:
        return [PictureFile(body, "body")]
    if kind == MULTIPART:
        return await _decode_multipart(request, body, limit)
    known = ", ".join([*accepted, JSON, MULTIPART])
    raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type is {kind or 'missing'}: send one of {known}.")


def encoded_file(encoded: Encoded) -> PictureFile:
    """The picture file in a JSON request. Raises Problem 422."""
    return PictureFile(from_base64(encoded.image, "image"), "image")


def from_base64(text: str, field: str) -> bytes:
    """The file that a JSON string holds, which may be a data: address or have line breaks. Raises Problem 422.

    field: where the string stands in the request.
    """
    begin = DATA_ADDRESS.match(text)
    try:
        return base64.b64decode("".join(text[begin.end() if begin else 0 :].split()), validate=True)
    except (binascii.Error, ValueError):
        sentence = f"The {field} is not base64: send a picture file in it, as it is or as a data: address."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, field=field) from None


async def _decode_multipart(request: Request, body: bytes, limit: int) -> list[PictureFile]:
    """The files in a multipart body, in the order sent. Raises Problem."""

    async def stream() -> AsyncGenerator[bytes]:
        yield body

    parser = _FormParser(request.headers, stream())
    parser.max_parts = limit
    try:
        form = await parser.parse()
    except MultiPartException as error:
        sentence = f"{error.message.rstrip('.')}."
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence, field="body") from None
    except (FormParserError, UnicodeDecodeError, ValueError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The multipart body is damaged: {error}.", field="body") from None
    files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]  # text is passed over
    if not files:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The multipart body holds no file.", field="body")
    contents = [await file.read() for file in files]
    await form.close()
    return [PictureFile(content, f"files[{place}]") for place, content in enumerate(contents)]
