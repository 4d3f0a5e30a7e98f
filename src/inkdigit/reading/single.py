"""Pictures of one digit each -> answers, by a model here or by a running Inkdigit server."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError, NoInkError
from inkdigit.imaging.preprocess import prepare, read_file
from inkdigit.reading.client import Server
from inkdigit.reading.file_results import Outcome, PictureError, Read, Result
from inkdigit.recognizer import Recognizer

BLANK = "The picture shows no ink: draw a digit on it, or take one with more contrast."

# A result has "digit", "confidence" and "probabilities"; or a "digit" of None and a "reason".


def told(outcome: Outcome, *, named: bool = True) -> list[str]:  # noqa: ARG001 - the name is always told
    """One line for people."""
    digit, confidence = outcome.result["digit"], outcome.result.get("confidence", 0)
    if digit is None:
        return [f"{outcome.name}: no digit ({outcome.result['reason'].rstrip('.')})"]
    tenths = math.floor(1000 * confidence) / 10  # what is not certain is not shown as 100.0 %
    return [f"{outcome.name}: {digit} ({tenths:.1f} %)"]


def local_reader(run: Path | None) -> Read:
    """Prepares a picture and lets the model of a run answer, or the one that ships, in this process."""
    recognizer = Recognizer.load(*([run] if run else []))

    def read(file: Path) -> list[Outcome]:
        try:
            image = prepare(file)
        except NoInkError:
            return [Outcome(file, {"digit": None, "reason": BLANK})]
        except InkdigitError as error:
            raise PictureError(str(error)) from error
        probabilities = [round(float(value), 6) for value in recognizer.predict_proba(image[None])[0]]
        confidence = max(probabilities)
        digit = {"digit": probabilities.index(confidence), "confidence": confidence, "probabilities": probabilities}
        return [Outcome(file, digit)]

    return read


def remote_reader(server: Server) -> Read:
    """Sends a picture to a server."""

    def read(file: Path) -> list[Outcome]:
        try:
            content = read_file(file)
        except InkdigitError as error:
            raise PictureError(str(error)) from error
        return [Outcome(file, server.ask("/v1/digits", file, content, _result))]

    return read


def _result(results: Any) -> Result:
    (result,) = results
    if result["digit"] is None:
        return {"digit": None, "reason": str(result["reason"])}
    found = {"digit": int(result["digit"]), "confidence": float(result["confidence"])}
    return found | {"probabilities": [float(value) for value in result["probabilities"]]}
