"""POST /v1/digits: the answers to pictures and pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.pages import file
from tests.service.conftest import PIXELS
from tests.service.inprocess import LocalService, local_service

PNG = {"Content-Type": "image/png"}


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


@pytest.fixture(scope="module")
def narrow(linear_run: Path) -> Generator[LocalService]:
    """A server that accepts 4 images, of a million pixels each."""
    with local_service(linear_run, max_images=4, max_pixels=1) as server:
        yield server


def drawing(side: int, **options: Any) -> bytes:
    """A PNG file with a stroke of dark ink on light paper."""
    pixels = np.full((side, side), 250, np.uint8)
    pixels[side // 5 : -side // 5, 9 * side // 20 : 11 * side // 20] = 10
    return file("PNG", Image.fromarray(pixels), **options)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG file with this size in its header, and no pixels at all."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_too_many_images_are_refused(narrow: LocalService) -> None:
    files = [("file", (f"{place}.png", drawing(40), "image/png")) for place in range(5)]
    for sent in ({"json": {"pixels": [PIXELS["pixels"]] * 5}}, {"files": files}):
        answer = narrow.post("/v1/digits", **sent)
        assert (answer.status_code, answer.json()["setting"]) == (413, "max_images")
    assert len(narrow.post("/v1/digits", files=files[:4]).json()["results"]) == 4


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(narrow: LocalService) -> None:
    for content in (png_of_size(20_000, 20_000), png_of_size(2**31 - 1, 2**31 - 1), drawing(1001)):
        answer = narrow.post("/v1/digits", content=content, headers=PNG)
        problem = answer.json()
        assert (answer.status_code, problem["setting"], problem["field"]) == (422, "max_pixels", "body")
    assert narrow.post("/v1/digits", content=drawing(1000), headers=PNG).status_code == 200


def test_preparing_a_picture_counts_towards_the_deadline(linear_run: Path) -> None:
    with local_service(linear_run, deadline=0.001) as server:
        answer = server.post("/v1/digits", content=drawing(3000, compress_level=1), headers=PNG)
        assert (answer.status_code, answer.json()["setting"]) == (504, "deadline")
