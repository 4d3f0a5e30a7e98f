"""A hostile server's answers are refused in one sentence, or drawn as far as they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkdigit.reading import single
from inkdigit.reading.client import Server
from inkdigit.reading.file_reader import Options, remote_reader
from inkdigit.reading.file_results import read_files
from tests.errors import refused
from tests.other_server import answering

DIGIT: dict[str, Any] = {"digit": 7, "confidence": 0.9, "probabilities": [0.1] * 10, "box": [20, 20, 30, 40]}


def answer(digit: dict[str, Any] | None = None, **page: Any) -> str:
    """The answer to /v1/read with one digit; what is given takes the place of what is right."""
    line = {"text": "7", "digits": [DIGIT | (digit or {})]}
    return json.dumps({"results": [{"text": "7", "lines": [line], "rejected": []} | page]})


HOSTILE = {
    "nested too deeply": "[" * 200_000,
    "nested too deeply inside": answer().replace("[20, 20, 30, 40]", "[" * 200_000),
    "an infinite place": answer({"box": [float("inf"), 0, 9, 9]}),
    "a place that is no number": answer({"box": [float("nan"), 0, 9, 9]}),
    "a place outside any picture": answer({"box": [10**30, 0, 9, 9]}),
    "a place before the picture": answer({"box": [-5, 0, 9, 9]}),
    "a box without a size": answer({"box": [5, 5, 0, 9]}),
    "three sides": answer({"box": [5, 5, 9]}),
    "an eleventh digit": answer({"digit": 10}),
    "a digit below nought": answer({"digit": -1}),
    "two probabilities": answer({"probabilities": [0.5, 0.5]}),
    "a probability that is no number": answer({"probabilities": [float("nan")] * 10}),
    "a confidence of 900 %": answer({"confidence": 9}),
    "a page that is a path": answer(page="../../page"),
    "a page that is infinite": answer(page=float("inf")),
    "results that are a number": '{"results": 7}',
    "an integer of 10,000 places": answer().replace("0.9", "9" * 10_000),
}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(np.full((100, 120), 255, np.uint8)).save(path)
    return path


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_answer_is_refused(picture: Path, tmp_path: Path, case: str) -> None:
    with answering(200, "application/json", HOSTILE[case].encode()) as url, refused("server-answer-invalid", url):
        list(read_files([picture], remote_reader(Server(url), Options("page", 0, tmp_path / "drawn"))))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.png"]


@pytest.mark.parametrize(
    "result",
    [
        {"digit": -1, "confidence": 0.9, "probabilities": [0.1] * 10},
        {"digit": 7, "confidence": float("nan"), "probabilities": [0.1] * 10},
        {"digit": 7, "confidence": 0.9, "probabilities": []},
    ],
)
def test_a_hostile_answer_for_one_digit_is_refused(picture: Path, result: dict[str, Any]) -> None:
    content = json.dumps({"results": [result]}).encode()
    with answering(200, "application/json", content) as url, refused("server-answer-invalid", url):
        list(read_files([picture], single.remote_reader(Server(url))))


@pytest.mark.parametrize("box", [[5000, 20, 30, 40], [20, 39_999_000, 30, 40], [0, 0, 39_000_000, 39_000_000]])
def test_boxes_outside_the_picture_are_drawn_at_its_border(picture: Path, tmp_path: Path, box: list[int]) -> None:
    content = answer({"box": box}, rejected=[{"box": box, "reason": "too small"}])
    with answering(200, "application/json", content.encode()) as url:
        reader = remote_reader(Server(url), Options("page", 0, tmp_path / "drawn"))
        (found,) = read_files([picture], reader)
    assert found.error is None
    assert (tmp_path / "drawn" / "picture.png").is_file()
