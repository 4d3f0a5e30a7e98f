"""Pictures and documents that take too much memory or time, or end the process that reads them."""

from __future__ import annotations

import csv
import io
import json
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
from tests.bulk.conftest import predictions
from tests.conftest import Command
from tests.handmade import bare_run
from tests.onnx_models import linear_model
from tests.pages import file, page
from tests.paths import DOCS
from tests.service.conftest import PIXELS, eventually
from tests.serving import Served, served

PNG, JPEG, PDF = ({"Content-Type": kind} for kind in ("image/png", "image/jpeg", "application/pdf"))


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


def huge(mode: str) -> Image.Image:
    """A picture of 48 megapixels, full of squares."""
    noise = np.random.default_rng(0).integers(0, 2, (120, 120), np.uint8) * 255
    return Image.fromarray(np.kron(noise, np.ones((58, 58), np.uint8))).convert(mode)


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
    with served("--model", linear_run, "--read-memory", 200, "--read-deadline", 4, "--max-body", 64) as server:
        yield server


def is_read(server: Served, picture: bytes) -> bool:
    answer = server.post("/v1/read", content=picture, headers=PNG)
    return answer.status_code == 200 and len(answer.json()["results"][0]["lines"]) > 0


def readers(server: Served) -> list[psutil.Process]:
    """The processes that read; another one keeps track of what they share."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_next_is_read(server: Served, two: bytes) -> None:
    answer = server.post("/v1/read", content=file("PNG", huge("RGB")), headers=PNG)
    assert (answer.status_code, answer.json()["setting"]) == (413, "read_memory")
    assert is_read(server, two)


def test_a_large_picture_of_one_digit_takes_no_memory_of_the_server(server: Served) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    for mode in ("RGB", "CMYK"):
        assert server.post("/v1/digits", content=file("JPEG", huge(mode)), headers=JPEG).status_code in {200, 413}
    answer = server.post("/v1/digits", content=file("PNG", huge("RGBA")), headers=PNG)
    assert (answer.status_code, answer.json()["setting"]) == (413, "read_memory")
    answer = server.post("/v1/digits", content=b"BM" + bytes(100), headers={"Content-Type": "image/bmp"})
    assert (answer.status_code, answer.json()["field"]) == (422, "body")
    assert server.post("/v1/digits", json=PIXELS).status_code == 200
    assert process.memory_info().rss < before + (40 << 20)


def test_after_a_large_picture_the_readers_have_the_memory_that_they_had(linear_run: Path, two: bytes) -> None:
    def memory() -> int:
        assert all(is_read(server, two) for _ in range(2))  # the two processes take turns
        return sum(reader.memory_info().rss for reader in readers(server))

    with served("--model", linear_run) as server:
        before = memory()
        assert server.post("/v1/read", content=file("PNG", huge("L")), headers=PNG).status_code == 200
        assert memory() < 1.1 * before, (memory(), before)


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
    with served("--model", linear_run, "--read-deadline", 600, "--max-body", 64) as server:
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
    with served("--model", linear_run, "--read-deadline", 600, "--max-body", 64, "--grace", 0) as server:
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


def test_a_server_that_is_to_end_waits_for_no_long_reading(linear_run: Path, long: bytes) -> None:
    limits = ("--read-deadline", 600, "--deadline", 1, "--max-body", 64, "--grace", 0)
    answers: list[int] = []
    with served("--model", linear_run, *limits) as server:
        headers = {"Content-Type": "image/tiff"}
        clients = [
            threading.Thread(
                target=lambda: answers.append(server.post("/v1/read", content=long, headers=headers).status_code)
            )
            for _ in range(4)  # of which two wait
        ]
        for client in clients:
            client.start()
        eventually(lambda: len(readers(server)) == 2, "two processes that read")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        for client in clients:
            client.join(60)
    assert answers == [503] * 4


# ---- the commands


def merged(*documents: bytes) -> bytes:
    """Documents of one page each, as one document."""
    pypdfium2 = pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    whole, content = pypdfium2.PdfDocument.new(), io.BytesIO()
    for each in documents:
        whole.import_pages(pypdfium2.PdfDocument(each))
    whole.save(content)
    return content.getvalue()


@pytest.fixture
def good(tmp_path: Path, two: bytes) -> Path:
    (tmp_path / "good.png").write_bytes(two)
    return tmp_path / "good.png"


@pytest.mark.parametrize("bomb", ["nested forms", "five million paths"])
def test_a_picture_that_takes_too_long_is_an_error_and_the_others_are_read(
    run_command: Command, good: Path, bomb: str
) -> None:
    (good.parent / "bomb.pdf").write_bytes(BOMBS[bomb])
    done = run_command("read", good, good.parent / "bomb.pdf", good, "--read-timeout", 1, "--json")
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 2
    assert not done.stderr  # the error is in the JSON, and libraries say nothing
    assert first == third
    assert first["text"]
    assert "bomb.pdf" in second["error"]


def test_the_pages_after_one_that_takes_too_long_are_read(run_command: Command, good: Path, two: bytes) -> None:
    page = file("PDF", Image.open(io.BytesIO(two)))
    (good.parent / "scan.pdf").write_bytes(merged(page, BOMBS["five million paths"], page, page))
    done = run_command("read", good.parent / "scan.pdf", "--read-timeout", 1, "--json")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 2
    assert [(result["page"], "error" in result) for result in results] == [
        (1, False),
        (2, True),
        (3, False),
        (4, False),
    ]


@pytest.mark.parametrize("single", [(), ("--single",)])
def test_a_picture_that_takes_too_much_memory_is_an_error_and_the_others_are_read(
    run_command: Command, good: Path, single: tuple[str, ...]
) -> None:
    (good.parent / "huge.png").write_bytes(file("PNG", huge("RGBA")))
    done = run_command("read", good.parent / "huge.png", good, "--read-memory", 200, "--json", *single)
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 2
    assert "huge.png" in first["error"]
    assert "error" not in second


def test_a_forms_picture_that_takes_too_much_is_an_error_and_the_others_are_read(
    run_command: Command, tmp_path: Path
) -> None:
    (tmp_path / "huge.png").write_bytes(file("PNG", huge("RGBA")))
    example = DOCS / "examples/form"
    files = (tmp_path / "huge.png", example / "filled.jpg")
    table = tmp_path / "answers.csv"
    done = run_command("read", "--form", example / "form.toml", *files, "-o", table, "--read-memory", 200)
    assert done.returncode == 2
    with table.open(newline="") as lines:
        first, second = csv.DictReader(lines)
    assert "huge.png" in done.stderr
    assert not first["born"]
    assert second["born"] == "17081963"


def test_bulk_reads_the_pictures_beside_those_that_take_too_much(run_command: Command, good: Path) -> None:
    folder = good.parent
    (folder / "long.pdf").write_bytes(BOMBS["five million paths"])
    (folder / "large.png").write_bytes(file("PNG", huge("RGBA")))
    (folder / "other.png").write_bytes(good.read_bytes())
    limits = ("--read-timeout", 1, "--read-memory", 200)
    done = run_command("bulk", folder, folder / "out", "--workers", 1, *limits)
    assert done.returncode == 0, done.stderr
    rows = {row["file"]: row for row in predictions(folder / "out").to_pylist()}
    assert rows["good.png"]["text"] == rows["other.png"]["text"] != ""
    assert {name for name, row in rows.items() if row["error"]} == {"long.pdf", "large.png"}


def test_a_limit_that_is_not_valid_is_refused(run_in_process: Command, good: Path) -> None:
    for limit in (("--read-timeout", 0), ("--read-timeout", "long"), ("--read-memory", 0)):
        assert run_in_process("read", good, *limit).returncode == 2
