"""Pictures and pages of any shape are read or refused, and nobody waits long."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Command
from tests.pages import file
from tests.service.conftest import PIXELS
from tests.serving import Served, served


def png(width: int, height: int) -> bytes:
    """A PNG that announces this size, and has no pixel."""
    chunks = b""
    for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b""))):
        chunks += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunks + b"\0\0\0\0IEND\xaeB`\x82"


def tiff(width: int, height: int) -> bytes:
    """A TIFF that announces this size, and has one byte of pixels."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 10, 0) + struct.pack("<H", len(tags)) + entries + bytes(4)


def pdf(boxes: str) -> bytes:
    """A PDF of one page with these boxes, and a black bar on it."""
    bar = b"40 40 m 40 160 l 20 w S"
    page = b"<</Type/Page/Parent 2 0 R %b/Contents 4 0 R>>" % boxes.encode()
    stream = b"<</Length %d>>\nstream\n%b\nendstream" % (len(bar), bar)
    content, table = b"%PDF-1.7\n", b"0000000000 65535 f \n"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, stream]
    for number, part in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(content)
        content += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    end = b"xref\n0 5\n%btrailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return content + end % (table, len(content))


def thin(width: int, height: int) -> bytes:
    """A white PNG with ink on it."""
    pixels = np.full((height, width), 255, np.uint8)
    pixels[height // 4 : -(-3 * height // 4), width // 4 : -(-3 * width // 4)] = 0
    return file("PNG", Image.fromarray(pixels))


SHAPES = {
    "one pixel": thin(1, 1),
    "one row": thin(1_100, 1),
    "one column": thin(1, 1_100),
    "a long row": thin(60_000, 1),
    "a long column": thin(2, 60_000),
    "a long stripe": thin(60_000, 5),
    "forty million wide": png(40_000_000, 1),
    "forty million high": png(1, 40_000_000),
    "both": png(40_000_000, 40_000_000),
    "a wide TIFF": tiff(40_000_000, 1),
    "a high TIFF": tiff(1, 40_000_000),
    "a large TIFF": tiff(2**31, 2**31),
    "a page like a hair": pdf("/MediaBox[0 0 1000000000 0.0001]"),
    "a high page like a hair": pdf("/MediaBox[0 0 0.0001 1000000000]"),
    "a huge page": pdf("/MediaBox[0 0 1000000000 1000000000]"),
    "a page without extent": pdf("/MediaBox[5 5 5 5]"),
    "a page inside out": pdf("/MediaBox[200 200 0 0]"),
    "a crop elsewhere": pdf("/MediaBox[0 0 200 200]/CropBox[900 900 950 950]"),
    "a crop like a hair": pdf("/MediaBox[0 0 20000000 200]/CropBox[0 0 20000000 0.1]"),
    "a large unit": pdf("/MediaBox[0 0 200 200]/UserUnit 75000"),
    "a turned hair": pdf("/MediaBox[0 0 10000000 0.5]/Rotate 90"),
    "no number": pdf("/MediaBox[0 0 nan 1e999]"),
}
KINDS = {b"%PDF": "application/pdf", b"II*\0": "image/tiff", b"\x89PNG": "image/png"}


@pytest.fixture(scope="module")
def server() -> Generator[Served]:
    with served("--max-body", 64) as server:
        yield server


@pytest.mark.parametrize("layout", ["page", "line"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_server_reads_or_refuses_it(server: Served, shape: str, layout: str) -> None:
    content = SHAPES[shape]
    headers = {"Content-Type": KINDS[content[:4]]}
    answer = server.post(f"/v1/read?layout={layout}", content=content, headers=headers)
    assert answer.status_code in {200, 413, 422}
    assert answer.json().get("field", "body") == "body"
    assert server.post("/v1/digits", json=PIXELS).status_code == 200


@pytest.mark.parametrize("shape", [shape for shape, content in SHAPES.items() if content.startswith(b"\x89PNG")])
def test_the_server_reads_or_refuses_one_digit_of_it(server: Served, shape: str) -> None:
    answer = server.post("/v1/digits", content=SHAPES[shape], headers={"Content-Type": "image/png"})
    assert answer.status_code in {200, 413, 422}


@pytest.mark.parametrize("layout", ["--page", "--line", "--single"])
def test_the_command_reads_or_refuses_each(run_command: Command, tmp_path: Path, layout: str) -> None:
    files = [tmp_path / str(number) for number in range(len(SHAPES))]
    for each, content in zip(files, SHAPES.values(), strict=True):
        each.write_bytes(content)
    done = run_command("read", *files, layout, "--json")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert {result["file"] for result in results} == {str(each) for each in files}
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert not any("ended the process" in result.get("error", "") for result in results)
