"""A running Inkdigit server, asked to read pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from inkdigit.errors import InkdigitError
from inkdigit.imaging.documents import is_pdf
from inkdigit.reading.file_results import PictureError

KINDS = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
    b"II": "image/tiff",
    b"MM": "image/tiff",
}

_TIMEOUT = 60  # seconds, for the server to connect and to answer
_LARGEST = 64 << 20  # bytes; an answer has some hundred for each digit

Answer = TypeVar("Answer")


class Server:
    """A server at an address such as http://127.0.0.1:8000. Raises InkdigitError where that is none."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        try:
            address = urlsplit(url)
            connect = {"http": HTTPConnection, "https": HTTPSConnection}[address.scheme]
            self._connection = connect(address.netloc, timeout=_TIMEOUT)
        except (KeyError, ValueError, HTTPException) as error:
            advice = "give one such as http://127.0.0.1:8000"
            raise InkdigitError(f"{url} is not the address of a server: {advice}.") from error
        self.url = url
        self._path = address.path.rstrip("/")
        self._headers = {"X-API-Key": api_key} if api_key else {}

    def ask(self, route: str, file: Path, content: bytes, understand: Callable[[Any], Answer]) -> Answer:
        """What the server's results for a picture file are understood as.

        understand: raises what Python raises where they are not as they should be. Raises PictureError where the
        server does not read this file, and InkdigitError where it reads none.
        """
        kind = next((kind for start, kind in KINDS.items() if content.startswith(start)), "application/octet-stream")
        headers = self._headers | {"Content-Type": "application/pdf" if is_pdf(content) else kind}
        try:
            status, body = self._post(f"{self._path}{route}", content, headers)
        except UnicodeEncodeError as error:
            raise InkdigitError("The API key has letters that no key has: copy it again.") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
            check = "check the address, and that `inkdigit serve` runs there"
            raise InkdigitError(f"{self.url} cannot be reached ({reason}): {check}.") from error
        try:
            answer = json.loads(body)
            if status == HTTPStatus.OK:
                return understand(answer["results"])
            detail = str(answer.get("detail") or answer["title"])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise InkdigitError(f"{self.url} does not answer as an Inkdigit server does: check the address.") from error
        if status == HTTPStatus.UNAUTHORIZED:
            raise InkdigitError(f"{self.url} wants an API key that it knows: give --api-key, or set INKDIGIT_API_KEY.")
        raise PictureError(f"{file} was not read by {self.url} ({status}): {detail}")

    def _post(self, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and the body of the server's answer."""
        try:
            # A server that refuses a picture by its size answers before it has all of it, and closes.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._connection.request("POST", path, content, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read(_LARGEST)
        finally:
            self._connection.close()
