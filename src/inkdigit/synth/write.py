"""A folder of synthesised pages and their labels."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from inkdigit.data import mnist
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic, remove_leftovers
from inkdigit.utils.lock import exclusive

LABELS = "labels.jsonl"
Part = Literal["train", "test"]


def write_pages(
    out: Path, pages: int, seed: int, part: Part, names: Iterable[str], progress: Callable[[], object]
) -> None:
    """Write a folder of pages, page-0000.png or .jpg and so on, and of labels.jsonl, a line for each page.

    Page n depends on seed, part and names alone, not on `pages`.

    Args:
        out: the folder; it must not exist.
        pages: how many.
        seed: of the pages.
        part: of MNIST, whose digits are written.
        names: of hardships, as `synthesize_page` takes them.
        progress: called after each page.

    Raises:
        InkdigitError: `out-occupied`, `file-unwritable`, `file-locked` or `hardship-unknown`.
    """
    names = tuple(names)
    with exclusive(out), atomic(out) as folder:
        if out.exists():
            raise InkdigitError(f"{out} exists: remove it, or name another folder.", code="out-occupied")
        remove_leftovers(out)
        folder.mkdir()
        with (folder / LABELS).open("w", encoding="utf-8", newline="\n") as labels:
            for name, content, page_labels in _pages(pages, seed, part, names):
                (folder / name).write_bytes(content)
                labels.write(json.dumps(page_labels, separators=(",", ":")) + "\n")
                progress()


def _pages(pages: int, seed: int, part: Part, names: tuple[str, ...]) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Each page's file name, file content and labels."""
    from inkdigit.synth.hardships import CAMERA_HARDSHIPS
    from inkdigit.synth.page import synthesize_page

    digits = mnist.load()[part == "test"]
    for number in range(pages):
        page = synthesize_page(digits.images, digits.required_labels, names, np.random.default_rng([seed, number]))
        packed = io.BytesIO()
        # A camera makes JPEG files, a scanner and a screen PNG; and noise takes too much room in PNG.
        if page.hardships & CAMERA_HARDSHIPS:
            name = f"page-{number:04}.jpg"
            Image.fromarray(page.picture).save(packed, "JPEG", quality=92)
        else:
            name = f"page-{number:04}.png"
            Image.fromarray(page.picture).save(packed, "PNG")
        lines = [
            {
                "text": "".join(str(digit.digit) for digit in line),
                "digits": [{"digit": digit.digit, "box": digit.box, "source": digit.source} for digit in line],
            }
            for line in page.lines
        ]
        page_labels = {"file": name, "text": page.text, "lines": lines, "hardships": sorted(page.hardships)}
        yield name, packed.getvalue(), page_labels
