"""Pictures and documents that take too much memory or time, or end the process that reads them."""

from __future__ import annotations

import signal
import threading
import zlib
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from tests.handmade import bare_run
from tests.onnx_models import linear_model
from tests.pages import file, page
from tests.service.conftest import PIXELS, eventually
from tests.serving import Served, served

PNG, PDF = {"Content-Type": "image/png"}, {"Content-Type": "application/pdf"}


def document(*objects: bytes) -> bytes:
    """A PDF of one page, whose content is the fourth object."""
    head = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>",
    ]
    content, table = b"%PDF-1.7\n", b"0000000000 65535 f \n"
    for number, part in enumerate([*head, *objects], 1):
        table += b"%010d 00000 n \n" % len(content)
        content += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    count = len(head) + len(objects) + 1
    end = b"xref\n0 %d\n%btrailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return content + end % (count, table, count, len(content))


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """An object of a PDF, packed twice: 500 MB in some kilobytes."""
    packed = zlib.compress(zlib.compress(content, 9), 9)
    head = b"<</Filter[/FlateDecode/FlateDecode]/Length %d%b>>" % (len(packed), entries)
    return b"%b\nstream\n%b\nendstream" % (head, packed)


def nested_forms() -> bytes:
    """Nine forms, each of which draws the next one twenty times."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Resources<</XObject<</F %d 0 R>>>>"
    forms = [stream(b"/F Do " * 20, form % (6 + level)) for level in range(9)]
    return document(stream(b"/F Do"), *forms, stream(b"0 0 9 9 re f", form % 5))


BOMBS = {
    "nested forms": nested_forms(),
    "five million paths": document(stream(b"1 1 m 99 99 l S " * 5_000_000)),
    "a stream of 500 MB": document(stream(bytes(500_000_000))),
}


@pytest.fixture(scope="module")
def linear_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare_run(tmp_path_factory.mktemp("linear") / "run", linear_model())


@pytest.fixture(scope="module")
def two(real_digits: Dataset) -> bytes:
    """A picture of two lines."""
    return file("PNG", page(real_digits, "0522\n1859"))


@pytest.fixture(scope="module")
def long() -> bytes:
    """A document that takes seconds to read."""
    noise = Image.fromarray(np.random.default_rng(0).integers(200, 256, (1500, 2000), np.uint8))
    return file("TIFF", noise, [noise] * 60, compression="jpeg")


@pytest.fixture(scope="module")
def server(linear_run: Path) -> Generator[Served]:
    with served("--model", linear_run, "--read-memory", 150, "--deadline", 4, "--max-body", 64) as server:
        yield server


def is_read(server: Served, picture: bytes) -> bool:
    answer = server.post("/v1/read", content=picture, headers=PNG)
    return answer.status_code == 200 and len(answer.json()["results"][0]["lines"]) > 0


def readers(server: Served) -> list[psutil.Process]:
    """The processes that read; another one keeps track of what they share."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_next_is_read(server: Served, two: bytes) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (120, 120), np.uint8) * 255
    huge = file("PNG", Image.fromarray(np.kron(noise, np.ones((58, 58), np.uint8))).convert("RGB"))
    answer = server.post("/v1/read", content=huge, headers=PNG)
    assert (answer.status_code, answer.json()["setting"]) == (413, "read_memory")
    assert is_read(server, two)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_documents_bomb_ends_within_the_limits(server: Served, two: bytes, bomb: str) -> None:
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    answer = server.post("/v1/read", content=BOMBS[bomb], headers=PDF)
    assert answer.status_code in {200, 413, 422, 504}  # 200 where pdfium itself gives up and leaves the page blank
    assert server.post("/v1/digits", json=PIXELS).status_code == 200
    assert is_read(server, two)
    assert psutil.Process(server.process.pid).memory_info().rss < 400 << 20


def test_a_reader_that_is_killed_is_an_error_for_its_file(linear_run: Path, long: bytes, two: bytes) -> None:
    answers: list[httpx.Response] = []
    with served("--model", linear_run, "--deadline", 600, "--max-body", 64) as server:
        headers = {"Content-Type": "image/tiff"}
        client = threading.Thread(target=lambda: answers.append(server.post("/v1/read", content=long, headers=headers)))
        client.start()
        (reader,) = eventually(lambda: readers(server), "a process that reads")
        assert server.post("/v1/digits", json=PIXELS).status_code == 200
        reader.kill()
        client.join(60)
        assert answers[0].status_code == 422
        assert answers[0].json()["field"] == "body"
        assert is_read(server, two)


def test_a_second_signal_ends_the_server_and_its_readers_at_once(linear_run: Path, long: bytes) -> None:
    with served("--model", linear_run, "--deadline", 600, "--max-body", 64, "--grace", 0) as server:
        headers = {"Content-Type": "image/tiff"}

        def ask() -> None:
            with suppress(httpx.HTTPError):  # the server goes
                server.post("/v1/read", content=long, headers=headers)

        client = threading.Thread(target=ask)
        client.start()
        found = eventually(lambda: readers(server), "a process that reads")
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: server.get("/readyz").status_code == 503, "the end to begin")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 128 + signal.SIGTERM
        eventually(lambda: not any(reader.is_running() for reader in found), "no process is left")
        client.join(60)
