"""POST /v1/read: pictures and pages in whatever form, within the limits of all requests, beside all others."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer
from tests.pages import file, page
from tests.service.conftest import PIXELS, eventually, metric
from tests.service.raw import connect, lasting, request
from tests.serving import Served, served

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def server(models: Path) -> Generator[Served]:
    with served("--models", models) as server:
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
    server: Served, models: Path, two: bytes
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


def test_each_form_and_each_kind_of_file_is_read(server: Served, real_digits: Dataset) -> None:
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


def test_pages_of_documents_are_numbered(server: Served, real_digits: Dataset) -> None:
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    pages = [page(real_digits, text) for text in ("31", "4\n2")]
    documents = [file("PDF", pages[0], pages[1:], resolution=200), file("TIFF", pages[0], pages[1:])]
    for content, kind in zip(documents, ("application/pdf", "image/tiff"), strict=True):
        found = results(server.post("/v1/read", content=content, headers={"Content-Type": kind}))
        assert [(result["page"], len(result["lines"])) for result in found] == [(1, 1), (2, 2)]
    files = [("file", (f"{place}", content)) for place, content in enumerate(documents)]
    assert [result["page"] for result in results(server.post("/v1/read", files=files))] == [1, 2, 1, 2]


def test_layout_and_least_confidence_are_heeded(server: Served, two: bytes) -> None:
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
def test_other_parameters_are_told(server: Served, two: bytes, query: str) -> None:
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


def test_what_cannot_be_read_is_told_with_its_place(server: Served, two: bytes) -> None:
    for name, (sent, status, field) in bad_bodies(two).items():
        answer = server.post("/v1/read", **sent)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem.get("field")) == (status, field), f"{name}: {answer.text}"
        assert problem["detail"].endswith(".")
    assert [line for line in server.log() if line["level"] == "error" or line.get("status", 0) >= 500] == []


def test_what_is_too_much_is_told_with_the_setting_that_allows_it(linear_run: Path) -> None:
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    small, large = Image.new("L", (90, 80), 255), Image.new("L", (1100, 1000), 255)
    limits = ["--max-body", 1, "--max-images", 2, "--max-pixels", 1]
    with served("--model", linear_run, *limits) as server:
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


def test_readings_are_counted_and_never_logged(server: Served, two: bytes) -> None:
    before = {name: metric(server, name) for name in ("inkdigit_digits_total", "inkdigit_confidence_count")}
    server.post("/v1/read", content=two, headers=PNG)
    assert metric(server, "inkdigit_digits_total") == before["inkdigit_digits_total"] + 8
    assert metric(server, "inkdigit_confidence_count") == before["inkdigit_confidence_count"] + 8
    server.post("/v1/read", content=file("PNG", Image.new("L", (90, 80), 255)), headers=PNG)
    assert metric(server, "inkdigit_digits_total") == before["inkdigit_digits_total"] + 9  # one more, blank
    *_, line = [line for line in server.log() if line.get("path") == "/v1/read"]
    assert set(line) == {"time", "level", "message", "id", "method", "path", "status", "ms"}


@pytest.fixture(scope="module")
def long(real_digits: Dataset) -> bytes:
    """A document that takes seconds to read."""
    noise = np.random.default_rng(0).integers(200, 256, (1500, 2000), np.uint8)
    return file("TIFF", Image.fromarray(noise), [Image.fromarray(noise)] * 60, compression="jpeg")


def test_a_reading_past_the_deadline_is_given_up_and_others_go_on(linear_run: Path, long: bytes, two: bytes) -> None:
    with served("--model", linear_run, "--deadline", 1, "--max-body", 64) as server:
        late = server.post("/v1/read", content=long, headers={"Content-Type": "image/tiff"})
        assert (late.status_code, late.json()["setting"]) == (504, "deadline")
        eventually(lambda: server.post("/v1/read", content=two, headers=PNG).status_code == 200, "an answer")


def test_readings_above_the_limit_are_refused_and_digits_are_answered(linear_run: Path, long: bytes) -> None:
    message = lasting(request("/v1/read", "Content-Type: image/tiff", method="POST", body=long))
    with served("--model", linear_run, "--max-reads", 1, "--deadline", 600, "--max-body", 64) as server:
        with connect(server) as connection:
            connection.sendall(message)

            def refused() -> Any:
                answer = server.post("/v1/read", content=b"x")  # of no type: it takes no room itself
                return answer.status_code == 503 and answer

            answer = eventually(refused, "a refusal")
            assert (answer.headers["retry-after"], answer.json()["setting"]) == ("1", "max_reads")
            assert server.post("/v1/digits", json=PIXELS).status_code == 200
        # The client has gone: nobody waits for the document any more.
        eventually(lambda: not refused(), "room")
        gone = eventually(lambda: [line for line in server.log() if line.get("status") == 499], "a line in the log")
        assert gone[0]["problem"] == "client_gone"


def test_the_server_starts_without_what_only_reading_needs(server: Served, linear_run: Path, two: bytes) -> None:
    """Opening OpenCV takes longer than all the rest."""
    with served("--model", linear_run) as fresh:
        libraries = Path(f"/proc/{fresh.process.pid}/maps")
        if not libraries.exists():
            pytest.skip("there is no /proc here")
        assert "cv2" not in libraries.read_text()
        fresh.post("/v1/read", content=two, headers=PNG)
        assert "cv2" in libraries.read_text()
    assert json.loads(server.get("/readyz").text)["status"] == "ready"
