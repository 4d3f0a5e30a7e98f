"""POST /v1/read: pictures and pages in every form, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer
from tests.pages import file, page
from tests.service.conftest import PIXELS, metric
from tests.service.inprocess import LocalService, local_service

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def server(models: Path) -> Generator[LocalService]:
    with local_service(models=str(models)) as server:
        yield server


@pytest.fixture(scope="module")
def two(real_digits: Dataset) -> bytes:
    """A picture of two lines."""
    return file("PNG", page(real_digits, "0522\n1859"))


def results(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == {"name": "digits", "version": "2"}
    return answer.json()["results"]


def test_a_picture_is_answered_as_the_reader_answers_with_the_version_served(
    server: LocalService, models: Path, two: bytes
) -> None:
    expected = Reader(Recognizer.load(models / "2")).read(two).to_dict()
    assert [len(line["digits"]) for line in expected["lines"]] == [4, 4]
    (found,) = results(server.post("/v1/read", content=two, headers=PNG))
    assert list(found) == ["text", "lines", "rejected"]
    for line, wanted in zip(found["lines"], expected["lines"], strict=True):
        assert line["text"] == wanted["text"]
        for digit, other in zip(line["digits"], wanted["digits"], strict=True):
            assert (digit["digit"], digit["box"]) == (other["digit"], other["box"])
            assert digit["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_each_form_and_each_kind_of_file_is_read(server: LocalService, real_digits: Dataset) -> None:
    picture = page(real_digits, "31")
    (expected,) = results(server.post("/v1/read", content=file("PNG", picture), headers=PNG))
    for kind in ("WEBP", "BMP", "TIFF"):
        content = file(kind, picture, lossless=True)  # which only WebP is asked for
        sent: dict[str, Any] = {"content": content, "headers": {"Content-Type": f"image/{kind.lower()}"}}
        assert results(server.post("/v1/read", **sent)) == [expected], kind
    encoded = base64.b64encode(file("PNG", picture)).decode()
    assert results(server.post("/v1/read", json={"image": encoded})) == [expected]
    blank = file("PNG", Image.new("L", (90, 80), 255))
    files = [("file", ("a.png", file("PNG", picture))), ("file", ("b.png", blank))] * 2
    nothing = {"text": "", "lines": [], "rejected": []}
    assert results(server.post("/v1/read", files=files)) == [expected, nothing] * 2


def test_pages_of_documents_are_numbered(server: LocalService, real_digits: Dataset) -> None:
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    pages = [page(real_digits, text) for text in ("31", "4\n2")]
    documents = [file("PDF", pages[0], pages[1:], resolution=200), file("TIFF", pages[0], pages[1:])]
    for content, kind in zip(documents, ("application/pdf", "image/tiff"), strict=True):
        found = results(server.post("/v1/read", content=content, headers={"Content-Type": kind}))
        assert [(result["page"], len(result["lines"])) for result in found] == [(1, 1), (2, 2)]
    files = [("file", (f"{place}", content)) for place, content in enumerate(documents)]
    assert [result["page"] for result in results(server.post("/v1/read", files=files))] == [1, 2, 1, 2]


def test_layout_and_least_confidence_are_followed(server: LocalService, two: bytes) -> None:
    (line,) = results(server.post("/v1/read?layout=line", content=two, headers=PNG))
    assert len(line["lines"]) == 1
    (sure,) = results(server.post("/v1/read?layout=page&min_confidence=1.0", content=two, headers=PNG))
    assert sure["lines"] == []
    assert [rejected["reason"] for rejected in sure["rejected"]] == ["not sure"] * 8


BAD_QUERIES = {
    "layout=poem": "layout",
    "layout=": "layout",
    "layout=page&layout=line": None,
    "min_confidence=2": "min_confidence",
    "min_confidence=-0.1": "min_confidence",
    "min_confidence=nan": "min_confidence",
    "min_confidence=sure": "min_confidence",
    "min_confidence=": "min_confidence",
    "show=input": "show",
}


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_other_parameters_are_refused(server: LocalService, two: bytes, query: str) -> None:
    answer = server.post(f"/v1/read?{query}", content=two, headers=PNG)
    assert (answer.status_code, answer.json().get("field")) == (422, BAD_QUERIES[query])
    assert answer.json()["detail"].endswith(".")


def bad_bodies(two: bytes) -> dict[str, tuple[dict[str, Any], int, str | None]]:
    """Requests, with the status and the field of their answers."""
    json_type = {"Content-Type": "application/json"}
    return {
        "nothing": ({"content": b"", "headers": PNG}, 422, "body"),
        "half a picture": ({"content": two[:-200], "headers": PNG}, 422, "body"),
        "letters": ({"content": b"Dear all", "headers": PNG}, 422, "body"),
        "another kind": ({"content": b"Dear all", "headers": {"Content-Type": "text/plain"}}, 415, None),
        "a GIF": ({"content": file("GIF", Image.new("L", (9, 9))), "headers": PNG}, 422, "body"),
        "half a PDF": ({"files": [("file", ("a.pdf", b"%PDF-1.7 x"))]}, 422, "files[0]"),
        "a good and a bad file": ({"files": [("a", ("a", two)), ("a", ("b", two[:99]))]}, 422, "files[1]"),
        "a form with a field": ({"files": [("a", (None, "b"))]}, 422, "body"),
        "pixels": ({"json": PIXELS}, 422, None),
        "no base64": ({"json": {"image": "seven!"}}, 422, "image"),
        "no JSON": ({"content": b"{", "headers": json_type}, 400, "body"),
    }


def test_what_cannot_be_read_is_refused_with_its_place(server: LocalService, two: bytes) -> None:
    for name, (sent, status, field) in bad_bodies(two).items():
        answer = server.post("/v1/read", **sent)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem.get("field")) == (status, field), f"{name}: {answer.text}"
        assert problem["detail"].endswith(".")


def test_what_is_too_large_is_refused_with_the_setting_that_allows_it(linear_run: Path) -> None:
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    small, large = Image.new("L", (90, 80), 255), Image.new("L", (1100, 1000), 255)
    with local_service(linear_run, max_body=1, max_images=2, max_pixels=1) as server:
        cases = {
            "max_body": {"content": bytes(1 << 20) + b"x", "headers": PNG},
            "max_pixels": {"content": file("PNG", large), "headers": PNG},
        }
        for setting, sent in cases.items():
            assert server.post("/v1/read", **sent).json()["setting"] == setting
        documents = [file(kind, small, [small] * 2) for kind in ("PDF", "TIFF")]
        many = [[("file", ("a", content))] for content in documents]
        many += [[("file", ("a", file("PNG", small)))] * 3, [("file", ("a", file("TIFF", small, [small])))] * 2]
        for files in many:
            answer = server.post("/v1/read", files=files)
            assert (answer.status_code, answer.json()["setting"]) == (413, "max_images")
        assert len(server.post("/v1/read", files=[("file", ("a", file("PDF", small, [small])))]).json()["results"]) == 2


def test_readings_are_counted_and_never_logged(
    server: LocalService, two: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {name: metric(server, name) for name in ("inkdigit_digits_total", "inkdigit_confidence_count")}
    server.post("/v1/read", content=two, headers=PNG)
    assert metric(server, "inkdigit_digits_total") == before["inkdigit_digits_total"] + 8
    assert metric(server, "inkdigit_confidence_count") == before["inkdigit_confidence_count"] + 8
    server.post("/v1/read", content=file("PNG", Image.new("L", (90, 80), 255)), headers=PNG)
    assert metric(server, "inkdigit_digits_total") == before["inkdigit_digits_total"] + 9  # one more, blank
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    *_, line = [line for line in lines if line.get("path") == "/v1/read"]
    assert set(line) == {"time", "level", "message", "id", "method", "path", "status", "ms"}
