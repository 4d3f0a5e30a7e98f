"""Thousands of requests of all sizes use no more memory than hundreds do."""

from __future__ import annotations

import io

import httpx
import psutil
from PIL import Image

from inkdigit.data.dataset import Dataset
from tests.conftest import part
from tests.serving import served

MAX_GROWTH = 4 << 20  # bytes, of a process of about a hundred million


def pictures(digits: Dataset) -> list[bytes]:
    """The digits as large PNG files, dark on light."""
    files: list[bytes] = []
    for image in digits.images:
        stream = io.BytesIO()
        Image.fromarray(255 - image).resize((280, 280)).save(stream, "PNG")
        files.append(stream.getvalue())
    return files


def test_memory_stays_where_it_was(real_digits: Dataset) -> None:
    digits = part(real_digits, slice(40))
    files = pictures(digits)
    with served() as server, server.client() as client:
        memory = psutil.Process(server.process.pid).memory_info

        def ask() -> None:
            for count in range(1, 41, 3):
                send(client, json={"pixels": digits.images[:count].tolist()})
            for file in files:
                send(client, content=file, headers={"Content-Type": "image/png"})
            for _ in range(40):
                assert client.post("/v1/digits", content=b"{", headers={"Content-Type": "application/json"}).is_error

        for _ in range(3):
            ask()
        before = memory().rss
        for _ in range(8):
            ask()
        assert memory().rss - before < MAX_GROWTH


def send(client: httpx.Client, **content: object) -> None:
    client.post("/v1/digits", **content).raise_for_status()  # pyright: ignore[reportArgumentType]
