"""Synthesises a page of handwriting, reads and annotates it, for the README: `python -m docs.pictures.read`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from inkdigit.data import mnist
from inkdigit.reading.annotate import annotate
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer

HERE = Path(__file__).parent
SEED = 16
HARDSHIPS = ("uneven-light", "soft-shadow", "blue-ink", "skewed-lines", "crossed-sevens")


def written() -> tuple[Image.Image, str]:
    """A photo of a page with MNIST's test digits, and its text."""
    from inkdigit.synth.page import synthesize_page

    _, test = mnist.load()
    page = synthesize_page(test.images, test.required_labels, HARDSHIPS, np.random.default_rng(SEED))
    return Image.fromarray(page.picture), page.text


if __name__ == "__main__":
    picture, text = written()
    reading = Reader(Recognizer.load()).read(picture)
    drawn = annotate(picture, reading)
    drawn.thumbnail((900, 900))
    drawn.save(HERE / "read.png", optimize=True)
    same = "as" if reading.text == text else "not as"
    print(f"{HERE / 'read.png'}: {(HERE / 'read.png').stat().st_size / 1000:.0f} kB, read {same} written")
