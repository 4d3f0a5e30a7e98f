"""A running Inkdigit server: sends pictures to it and returns what it read."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from inkdigit.errors import InkdigitError
from inkdigit.imaging.decode import is_heic
from inkdigit.imaging.documents import is_pdf
from inkdigit.reading.file_results import PictureError

MEDIA_TYPES_BY_START = {  # by how a file begins
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
    b"II": "image/tiff",
    b"MM": "image/tiff",
}

_TIMEOUT = 60  # seconds, for the server to connect and to answer
_MAX_ANSWER = 64 << 20  # bytes; an answer has some hundred for each digit
# RecursionError is JSON nested too deeply, OverflowError an infinite number where there is an integer.
_NOT_AN_ANSWER = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)

Answer = TypeVar("Answer")


class Server:
    """A server at an address such as http://127.0.0.1:8000. It can be pickled.

    Attributes:
        url: the address, as it was given.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        """Prepare to connect.

        Raises:
            InkdigitError: the address is not valid.
        """
        try:
            address = urlsplit(url)
            self._connect = {"http": HTTPConnection, "https": HTTPSConnection}[address.scheme]
            self._connect(address.netloc)
        except (KeyError, ValueError, HTTPException) as error:
            message = f"{url} is not the address of a server: give one such as http://127.0.0.1:8000."
            raise InkdigitError(message, code="server-address-invalid") from error
        self.url = url
        self._address = address.netloc
        self._path = address.path.rstrip("/")
        self._headers = {"X-API-Key": api_key} if api_key else {}

    def ask(self, route: str, file: Path, content: bytes, understand: Callable[[Any], Answer]) -> Answer:
        """Send a picture file to the server and return its results.

        Args:
            route: the path of the request, such as /v1/digits.
            file: the file's path, for errors.
            content: its bytes.
            understand: makes the return value of the "results" in the answer; raises KeyError, OverflowError,
                TypeError or ValueError where they are not as they should be.

        Raises:
            PictureError: the server refuses this file.
            InkdigitError: the server cannot be reached, refuses the API key, or is not an Inkdigit server.
        """
        headers = self._headers | {"Content-Type": media_type_of(content) or "application/octet-stream"}
        try:
            status, body = self._post(f"{self._path}{route}", content, headers)
        except UnicodeEncodeError as error:
            message = "The API key has letters that no key has: copy it again."
            raise InkdigitError(message, code="api-key-invalid") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
            check = "check the address, and that `inkdigit serve` runs there"
            message = f"{self.url} cannot be reached ({reason}): {check}."
            raise InkdigitError(message, code="server-unreachable") from error
        try:
            answer = json.loads(body)
            if status == HTTPStatus.OK:
                return understand(answer["results"])
            detail = str(answer.get("detail") or answer["title"])
        except _NOT_AN_ANSWER as error:
            message = f"{self.url} does not answer as an Inkdigit server does: check the address."
            raise InkdigitError(message, code="server-answer-invalid") from error
        if status == HTTPStatus.UNAUTHORIZED:
            message = f"{self.url} wants an API key that it knows: give --api-key, or set INKDIGIT_API_KEY."
            raise InkdigitError(message, code="api-key-refused")
        raise PictureError(f"{file} was not read by {self.url} ({status}): {detail}", code="picture-refused")

    def _post(self, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and the body of the server's answer."""
        with closing(self._connect(self._address, timeout=_TIMEOUT)) as connection:
            # A server that refuses a picture by its size answers before it has all of it, and closes.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", path, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_MAX_ANSWER)


def media_type_of(content: bytes) -> str | None:
    """The media type of a picture file or a PDF, by how it begins; None for another file."""
    if is_pdf(content):
        return "application/pdf"
    if content[4:8] == b"ftyp":
        return "image/heic" if is_heic(content) else "image/avif"
    return next((kind for start, kind in MEDIA_TYPES_BY_START.items() if content.startswith(start)), None)
