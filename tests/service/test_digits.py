"""POST /v1/digits: the answers to pictures and pixels."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.service.inprocess import LocalService, local_service


@pytest.fixture(scope="module")
def server() -> Generator[LocalService]:
    with local_service() as server:
        yield server


def test_pixels_are_answered_as_the_recognizer_answers(server: LocalService, real_digits: Dataset) -> None:
    images = real_digits.images[5000:5010]
    expected = Recognizer.load().predict_proba(images)
    answer = server.post("/v1/digits", json={"pixels": images.tolist()})
    alone = server.post("/v1/digits", json={"pixels": images[3].tolist()})
    assert answer.status_code == alone.status_code == 200
    content = answer.json()
    assert content["model"] == {"name": "digits", "version": "1"}
    assert [result["digit"] for result in content["results"]] == expected.argmax(1).tolist()
    for result, probabilities in zip(content["results"], expected, strict=True):
        assert result["probabilities"] == pytest.approx(probabilities, abs=1e-5)
        assert result["confidence"] == max(result["probabilities"])
    assert alone.json()["results"] == [content["results"][3]]
