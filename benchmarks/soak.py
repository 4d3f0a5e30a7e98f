"""Many requests, one of a hundred hostile -> how many others fail, and what memory and files the server holds.

    python benchmarks/soak.py [REQUESTS]

Four clients ask the server, `inkdigit serve --read-deadline 2`: pixels, small and large pictures of a digit, pages, and
the bombs of tests/hostile. It prints a line for each tenth of the requests, and the failures.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

from tests.hostile.system.test_reading import BOMBS, huge
from tests.pages import file
from tests.serving import Served, served

CLIENTS, BOMB_SHARE = 4, 100

Request = tuple[str, bytes, str]  # the route, the body, its media type


def good_requests() -> list[Request]:
    """What people send."""
    rng = np.random.default_rng(0)
    pixels = json.dumps({"pixels": rng.integers(0, 256, (28, 28)).tolist()}).encode()
    stroke = np.full((200, 200), 255, np.uint8)
    stroke[30:170, 90:110] = 0
    digit = Image.fromarray(stroke)
    page = Image.fromarray(np.tile(stroke, (2, 5)))
    large = digit.resize((2400, 2400))
    return [
        *[("/v1/digits", pixels, "application/json")] * 80,
        *[("/v1/digits", file("PNG", digit), "image/png")] * 15,
        ("/v1/digits", file("JPEG", large), "image/jpeg"),
        *[("/v1/read", file("PNG", page), "image/png")] * 3,
    ]


def hostile_requests() -> list[Request]:
    """What takes more than it should."""
    documents = [("/v1/read", content, "application/pdf") for content in BOMBS.values()]
    pictures = [(route, file("PNG", huge("RGBA")), "image/png") for route in ("/v1/read", "/v1/digits")]
    brackets = ("/v1/digits", b'{"pixels": [' + b"[]," * 2_600_000 + b"[]]}", "application/json")
    return [*documents, *pictures, brackets]


def state(server: Served) -> str:
    """The memory and open files of the server, and the memory of all its processes."""
    process = psutil.Process(server.process.pid)
    children = sum(child.memory_info().rss for child in process.children(recursive=True))
    memory = process.memory_info().rss
    return f"server {memory >> 20} MiB, {process.num_fds()} files; with its processes {memory + children >> 20} MiB"


def main(count: int) -> None:
    """Send `count` requests and print what came of them."""
    good, hostile = good_requests(), hostile_requests()
    answers: Counter[Any] = Counter()
    lock = threading.Lock()

    with served("--read-deadline", 2, "--max-reads", 64) as server, server.client() as client:

        def send(number: int) -> None:
            is_bomb = number % BOMB_SHARE == BOMB_SHARE - 1
            some = hostile if is_bomb else good
            route, body, kind = some[(number // BOMB_SHARE if is_bomb else number) % len(some)]
            try:
                status = client.post(route, content=body, headers={"Content-Type": kind}).status_code
            except httpx.HTTPError as error:
                status = type(error).__name__
            with lock:
                answers["hostile" if is_bomb else "good", route, status] += 1

        print(f"{'start':>8}: {state(server)}")
        begin = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as clients:
            for tenth in range(10):
                numbers = range(tenth * count // 10, (tenth + 1) * count // 10)
                list(clients.map(send, numbers))
                print(f"{numbers.stop:8,}: {state(server)}", flush=True)
        print(f"{time.monotonic() - begin:.0f} seconds")
    for (kind, route, status), number in sorted(answers.items(), key=str):
        print(f"{kind:8} {route:11} {status}: {number:,}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
