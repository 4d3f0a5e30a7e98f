"""Writes a page as by hand, reads it and draws what was read, for the README: `python -m docs.pictures.read`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from inkdigit.data import mnist
from inkdigit.reading.annotate import annotate
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer
from inkdigit.synth.page import Page, synthesize_page

HERE = Path(__file__).parent
SEED = 16
HARDSHIPS = ("uneven-light", "soft-shadow", "blue-ink", "skewed-lines", "crossed-sevens")


def written() -> Page:
    """A photo of a page with MNIST's test digits."""
    _, test = mnist.load()
    return synthesize_page(test.images, test.truth, HARDSHIPS, np.random.default_rng(SEED))


if __name__ == "__main__":
    page = written()
    picture = Image.fromarray(page.picture)
    reading = Reader(Recognizer.load()).read(picture)
    drawn = annotate(picture, reading)
    drawn.thumbnail((900, 900))
    drawn.save(HERE / "read.png", optimize=True)
    same = "as" if reading.text == page.text else "not as"
    print(f"{HERE / 'read.png'}: {(HERE / 'read.png').stat().st_size / 1000:.0f} kB, read {same} written")
