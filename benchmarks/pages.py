"""Pages with very much on them -> the seconds and the memory that reading each takes, as a table in Markdown.

    python benchmarks/pages.py [KIND ...]

Each page is read in a process of its own, after a small page that loads the models.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit import read

Page = NDArray[np.uint8]


def printed(height: int, width: int, size: float, step: tuple[int, int]) -> Page:
    """A page of printed text. size: OpenCV's font scale; step: pixels from line to line, and from sign to sign."""
    rng = np.random.default_rng(0)
    page = np.full((height, width), 255, np.uint8)
    signs = "abcdefghijklmnopqrstuvwxyz" * 3 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.;" + " " * 18
    for y in range(200, height - 150, step[0]):
        for x in range(200, width - 200, step[1]):
            sign = signs[rng.integers(len(signs))]
            cv2.putText(page, sign, (x, y), cv2.FONT_HERSHEY_COMPLEX, size, 0, max(1, round(2 * size)), cv2.LINE_AA)
    return page


def pieces(count: int, size: int, pitch: int) -> Page:
    """Small squares in rows and columns, each a little out of place."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(count)))
    page = np.full((side * pitch + 40, side * pitch + 40), 255, np.uint8)
    for number in range(count):
        y, x = (20 + pitch * np.array(divmod(number, side)) + rng.integers(-1, 2, 2)).tolist()
        page[y : y + size, x : x + size] = 0
    return page


def gravel() -> Page:
    """Stones of all sizes."""
    rng = np.random.default_rng(0)
    page = np.full((3000, 3000), 230, np.uint8)
    for _ in range(25_000):
        axes = rng.integers(3, 14, 2).tolist()
        cv2.ellipse(
            page, rng.integers(0, 3000, 2).tolist(), axes, int(rng.integers(180)), 0, 360, int(rng.integers(120)), -1
        )
    return page


def grain() -> Page:
    """Film grain: noise, blurred, with a strong contrast."""
    noise = np.random.default_rng(0).normal(0, 1, (3000, 4000)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return (128 + 60 * noise / noise.std()).clip(0, 255).astype(np.uint8)


def halftone() -> Page:
    """A screen of dots whose size changes over the page."""
    y, x = np.mgrid[:3000, :3000].astype(np.float32)
    shade = 0.5 + 0.4 * np.sin(x / 300) * np.cos(y / 400)
    wave = np.cos((x + y) * (2 * np.pi / 16)) + np.cos((x - y) * (2 * np.pi / 16))
    return np.where(wave / 4 + 0.5 < shade, 0, 255).astype(np.uint8)


PAGES: dict[str, Callable[[], Page]] = {
    "A4 of print, 300 dpi, 4,000 signs": lambda: printed(3508, 2480, 1.0, (62, 26)),
    "print, 9,400 signs": lambda: printed(3508, 2480, 0.55, (38, 17)),
    "66,000 pieces of 7 pixels": lambda: pieces(66_000, 7, 12),
    "66,000 pieces of 10 pixels": lambda: pieces(66_000, 10, 14),
    "gravel": gravel,
    "film grain": grain,
    "halftone": halftone,
}


def measure(kind: str) -> str:
    """Read one page in this process -> its row of the table."""
    page = PAGES[kind]()
    read(page[:60, :60])
    start = time.perf_counter()
    reading = read(Image.fromarray(page))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    digits = sum(len(line.digits) for line in reading.lines)
    return (
        f"| {kind} | {page.shape[1]} x {page.shape[0]} | {len(reading.lines)} | {digits} | {seconds:.1f} | {peak:.0f} |"
    )


def main() -> None:
    """Print the table, or the row of one kind."""
    if len(sys.argv) == 2 and sys.argv[1] in PAGES:
        print(measure(sys.argv[1]), flush=True)
        return
    print("| page | pixels | lines | digits | seconds | peak MiB |\n|---|---|---|---|---|---|", flush=True)
    for kind in PAGES:
        subprocess.run([sys.executable, __file__, kind], check=False)


if __name__ == "__main__":
    main()
