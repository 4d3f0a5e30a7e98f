"""The picture files in a request, whatever form it has."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterable
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from inkdigit.service.pictures import from_base64
from inkdigit.service.problems import Problem, too_many

JSON, MULTIPART = "application/json", "multipart/form-data"

Base64 = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]
Files = tuple[list[bytes], list[str]]  # picture files, and where in the request each of them stands


class Encoded(msgspec.Struct, forbid_unknown_fields=True):
    """A picture file in base64."""

    image: Base64

    def files(self) -> Files:
        """The file. Raises Problem 422."""
        return [from_base64(self.image, "image")], ["image"]


class InMemory(MultiPartParser):
    """Starlette's parser, without its temporary files: what is sent is in memory already, and stays off the disk."""

    spool_max_size = sys.maxsize


def media_type(request: Request) -> str:
    """What the body is said to be."""
    sent = dict(request.scope["headers"]).get(b"content-type", b"").decode("latin-1")
    return sent.partition(";")[0].strip().lower()


async def picture_files(request: Request, kind: str, body: bytes, kinds: Iterable[str], limit: int) -> Files:
    """The file that a body of one of these kinds is, or the files in a form. Raises Problem 400, 413, 415 or 422."""
    if kind in kinds:
        return [body], ["body"]
    if kind == MULTIPART:
        return await _decode_multipart(request, body, limit)
    known = ", ".join([*kinds, JSON, MULTIPART])
    raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type is {kind or 'missing'}: send one of {known}.")


async def _decode_multipart(request: Request, body: bytes, limit: int) -> Files:
    """The files in a multipart body, in the order sent. Raises Problem."""

    async def stream() -> AsyncGenerator[bytes]:
        yield body

    try:
        form = await InMemory(request.headers, stream(), max_files=limit, max_fields=0).parse()
    except MultiPartException as error:
        if "Maximum number of files" in error.message:
            raise too_many(limit + 1, limit) from None
        sentence = "Only files are taken" if "fields" in error.message else error.message.rstrip(".")
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{sentence}.", field="body") from None
    except (FormParserError, UnicodeDecodeError, ValueError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The multipart body is damaged: {error}.", field="body") from None
    parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    if not parts:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The multipart body holds no file.", field="body")
    contents = [await part.read() for part in parts]
    await form.close()
    return contents, [f"files[{place}]" for place in range(len(parts))]
