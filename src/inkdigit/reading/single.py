"""Pictures of one digit each -> answers, by a model here or by a running Inkdigit server."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inkdigit.errors import InkdigitError, NoInkError
from inkdigit.imaging.prepare import prepare, read_file
from inkdigit.recognizer import Recognizer

BLANK = "The picture shows no ink: draw a digit on it, or take one with more contrast."
KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"BM": "image/bmp"}

_TIMEOUT = 60  # seconds, for the server to connect and to answer
_LARGEST = 1 << 20  # bytes; an answer has a few hundred

Result = dict[str, Any]  # "digit", "confidence" and "probabilities"; or a "digit" of None and a "reason"
Reader = Callable[[Path], Result]


@dataclass(frozen=True)
class Reading:
    """What became of a picture: a result as the API gives it, or a sentence why there is none."""

    file: Path
    result: Result
    error: str | None = None

    def to_json(self) -> str:
        """One compact line."""
        content = {"error": self.error} if self.error else self.result
        return json.dumps({"file": str(self.file)} | content, ensure_ascii=False, separators=(",", ":"))

    def __str__(self) -> str:
        """One line for people."""
        if self.error:
            return self.error
        if self.result["digit"] is None:
            return f"{self.file}: no digit ({self.result['reason'].rstrip('.')})"
        tenths = math.floor(1000 * self.result["confidence"]) / 10  # what is not certain is not shown as 100.0 %
        return f"{self.file}: {self.result['digit']} ({tenths:.1f} %)"


def read_single(files: Iterable[Path], reader: Reader) -> Generator[Reading]:
    """Read pictures of one digit each, one after the other. One that cannot be read does not keep the others from it.

    Raises InkdigitError where no picture at all can be read, as with a server that is not there.
    """
    for file in files:
        try:
            yield Reading(file, reader(file))
        except PictureError as error:
            yield Reading(file, {}, str(error))


class PictureError(InkdigitError):
    """One picture cannot be read; others may."""


def here(recognizer: Recognizer) -> Reader:
    """A reader that prepares pictures and lets a model answer, in this process."""

    def read(file: Path) -> Result:
        try:
            image = prepare(file)
        except NoInkError:
            return {"digit": None, "reason": BLANK}
        except InkdigitError as error:
            raise PictureError(str(error)) from error
        probabilities = [round(float(value), 6) for value in recognizer.predict_proba(image[None])[0]]
        confidence = max(probabilities)
        return {"digit": probabilities.index(confidence), "confidence": confidence, "probabilities": probabilities}

    return read


def at(url: str, api_key: str | None = None) -> Reader:
    """A reader that sends pictures to a running Inkdigit server, such as http://127.0.0.1:8000.

    Raises InkdigitError where that is no address.
    """
    advice = "give one such as http://127.0.0.1:8000"
    try:
        address = urlsplit(url)
        connect = {"http": HTTPConnection, "https": HTTPSConnection}[address.scheme]
        connection = connect(address.netloc, timeout=_TIMEOUT)
    except (KeyError, ValueError, HTTPException) as error:
        raise InkdigitError(f"{url} is not the address of a server: {advice}.") from error
    route = f"{address.path.rstrip('/')}/v1/digits"
    headers = {"X-API-Key": api_key} if api_key else {}

    def read(file: Path) -> Result:
        try:
            content = read_file(file)
        except InkdigitError as error:
            raise PictureError(str(error)) from error
        kind = next((kind for start, kind in KINDS.items() if content.startswith(start)), "application/octet-stream")
        try:
            status, answer = _post(connection, route, content, headers | {"Content-Type": kind})
        except UnicodeEncodeError as error:
            raise InkdigitError("The API key has letters that no key has: copy it again.") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
            check = "check the address, and that `inkdigit serve` runs there"
            raise InkdigitError(f"{url} cannot be reached ({reason}): {check}.") from error
        return _result(status, answer, url, file)

    return read


def _post(connection: HTTPConnection, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """The status and the body of the server's answer."""
    try:
        # A server that refuses a picture by its size answers before it has all of it, and closes.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", path, content, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(_LARGEST)
    finally:
        connection.close()


def _result(status: int, answer: bytes, url: str, file: Path) -> Result:
    """What the answer says. Raises InkdigitError, with the detail of an error's problem details where there is one."""
    try:
        content = json.loads(answer)
        if status == HTTPStatus.OK:
            result = content["results"][0]
            if result["digit"] is None:
                return {"digit": None, "reason": str(result["reason"])}
            found = {"digit": int(result["digit"]), "confidence": float(result["confidence"])}
            return found | {"probabilities": [float(value) for value in result["probabilities"]]}
        detail = str(content.get("detail") or content["title"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InkdigitError(f"{url} does not answer as an Inkdigit server does: check the address.") from error
    if status == HTTPStatus.UNAUTHORIZED:
        raise InkdigitError(f"{url} wants an API key that it knows: give --api-key, or set INKDIGIT_API_KEY.")
    raise PictureError(f"{file} was not read by {url} ({status}): {detail}")
