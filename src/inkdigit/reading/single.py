"""Pictures of one digit each -> which digit, by a model in this process or by a running Inkdigit server."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError, NoInkError
from inkdigit.imaging.preprocess import prepare, read_file
from inkdigit.reading.client import Server
from inkdigit.reading.file_results import FileResult, PictureError, ReadFile, Result
from inkdigit.reading.results import classification

BLANK = "The picture shows no ink: draw a digit on it, or take one with more contrast."

# A result has "digit", "confidence" and "probabilities"; or a "digit" of None and a "reason".


def text_lines(result: FileResult, *, named: bool = True) -> list[str]:  # noqa: ARG001 - the name is always shown
    """A result -> one line for people."""
    digit, confidence = result.result["digit"], result.result.get("confidence", 0)
    if digit is None:
        return [f"{result.name}: no digit ({result.result['reason'].rstrip('.')})"]
    percent = math.floor(1000 * confidence) / 10  # what is not certain is not shown as 100.0 %
    return [f"{result.name}: {digit} ({percent:.1f} %)"]


def local_reader(run: Path | None) -> ReadFile:
    """Reads pictures in this process, with the model of a run, or the one that ships."""
    from inkdigit.recognizer import Recognizer  # only the process that reads needs ONNX Runtime

    recognizer = Recognizer.load(*([run] if run else []))

    def read(file: Path, _: int = 0) -> list[FileResult]:
        try:
            image = prepare(file)
        except NoInkError:
            return [FileResult(file, {"digit": None, "reason": BLANK})]
        except InkdigitError as error:
            raise PictureError(str(error), code=error.code) from error
        probabilities = [round(float(value), 6) for value in recognizer.predict_proba(image[None])[0]]
        confidence = max(probabilities)
        digit = {"digit": probabilities.index(confidence), "confidence": confidence, "probabilities": probabilities}
        return [FileResult(file, digit)]

    return read


def remote_reader(server: Server) -> ReadFile:
    """Sends a picture to a server, which reads it."""

    def read(file: Path, _: int = 0) -> list[FileResult]:
        try:
            content = read_file(file)
        except InkdigitError as error:
            raise PictureError(str(error), code=error.code) from error
        return [FileResult(file, server.ask("/v1/digits", file, content, _result))]

    return read


def _result(results: Any) -> Result:
    (result,) = results
    if result["digit"] is None:
        return {"digit": None, "reason": str(result["reason"])}
    digit, confidence, probabilities = classification(result)
    return {"digit": digit, "confidence": confidence, "probabilities": list(probabilities)}
