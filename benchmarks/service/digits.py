"""The digits that are sent to every server, as JSON and as pictures, and the check of its answers."""

from __future__ import annotations

import base64
import io
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit import Recognizer
from inkdigit.data import mnist

from .servers import Contestant, Server, ask

COUNT = 32
Kind = Literal["json", "png", "canvas"]
KINDS: dict[Kind, str] = {
    "json": "JSON of 28×28 pixels",
    "png": "PNG of 28×28 pixels",
    "canvas": "PNG of a canvas of 280×280 pixels",
}


class Request(NamedTuple):
    method: str
    path: str
    content_type: str = ""
    body: bytes = b""


NO_OP = [Request("GET", "/healthz")]


@dataclass(frozen=True)
class Sample:
    """Digits of which the model is sure, so that small differences of preparation change no answer.

    images: (COUNT, 28, 28) uint8; answers: (COUNT, 10) float32, the model's own.
    """

    images: NDArray[np.uint8]
    answers: NDArray[np.float32]


def sample(run: Path) -> Sample:
    train, _ = mnist.load()
    images = train.images[:1000]
    answers = Recognizer.load(run).predict_proba(images)
    sure = np.flatnonzero(answers.max(axis=1) > 0.99)[:COUNT]
    return Sample(images[sure], answers[sure])


def requests(digits: Sample, kind: Kind, contestant: Contestant) -> list[Request]:
    if kind == "json":
        bodies = [json.dumps({"pixels": image.tolist()}).encode() for image in digits.images]
        return [Request("POST", "/v1/digits", "application/json", body) for body in bodies]
    pictures = [png(image, kind) for image in digits.images]
    if contestant.png_in_json:
        bodies = [json.dumps({"image": base64.b64encode(picture).decode()}).encode() for picture in pictures]
        return [Request("POST", contestant.png_path, "application/json", body) for body in bodies]
    return [Request("POST", contestant.png_path, "image/png", picture) for picture in pictures]


def png(image: NDArray[np.uint8], kind: Kind) -> bytes:
    """The picture as a file: grey as it is, or ten times as large with the four channels of a browser's canvas."""
    picture = Image.fromarray(image)
    if kind == "canvas":
        picture = picture.resize((280, 280), Image.Resampling.BICUBIC).convert("RGBA")
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def check(server: Server, digits: Sample, kind: Kind) -> None:
    """End the benchmark unless the server answers each digit as the model does, with ten probabilities."""
    for request, expected in zip(requests(digits, kind, server.contestant), digits.answers, strict=True):
        status, body = ask(server.port, *request)
        what = f"{server.contestant.name} answers a digit {expected.argmax()} ({kind}) with {status} {body[:500]!r}"
        if status != 200:
            sys.exit(what)
        answer = json.loads(body)["results"][0]
        probabilities = answer["probabilities"]
        if answer["digit"] != expected.argmax() or len(probabilities) != 10:
            sys.exit(what)
        if not math.isclose(sum(probabilities), 1, abs_tol=1e-3):
            sys.exit(what)
