"""Draws docs/pictures/synth.png: each hardship of a synthesised page, alone, by its name.

.venv/bin/python docs/pictures/synth.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkdigit.data import mnist
from inkdigit.synth.hardships import HARDSHIPS
from inkdigit.synth.page import Page, synthesize_page

WIDE, HIGH, CAPTION, GAP, ACROSS = 166, 104, 15, 4, 8
DIGIT = 20  # pixels: how high digits are shown
SEED = 3
WHOLE = {
    "mixed-sizes",
    "smudges",
    "show-through",
    "sideways",
    "skewed-lines",
    "perspective",
    "soft-shadow",
    "hard-shadow",
}


def main() -> None:
    """One page for each hardship."""
    digits, _ = mnist.load()
    down = -(-len(HARDSHIPS) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * (WIDE + GAP) - GAP, down * (HIGH + CAPTION + GAP)), "white")
    font = ImageFont.load_default(11)
    for number, name in enumerate(HARDSHIPS):
        page = synthesize_page(digits.images, digits.required_labels, [name], np.random.default_rng([SEED, number]))
        x, y = number % ACROSS * (WIDE + GAP), number // ACROSS * (HIGH + CAPTION + GAP)
        sheet.paste(_part(page), (x, y))
        ImageDraw.Draw(sheet).text((x + 2, y + HIGH), name, "#333333", font)
    few = sheet.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(Path(__file__).with_suffix(".png"), optimize=True)


def _part(page: Page) -> Image.Image:
    """What is about the longest line; all of the page where the hardship is seen on it only."""
    picture = Image.fromarray(page.picture)
    line = max(page.lines, key=len, default=())
    first = np.array(line[0].box[:2] if line else (0, 0))
    scale = DIGIT / float(np.median([digit.box[3] for digit in line])) if line else 0
    scale = max(0 if page.hardships & WHOLE else scale, WIDE / picture.width, HIGH / picture.height)
    size = np.round(np.array(picture.size) * scale).astype(int)
    near = [digit.box[:2] for digits in page.lines for digit in digits]
    border = np.min(near, 0) < 8 if "near-border" in page.hardships else (False, False)
    corner = np.where(border, 0, first * scale - 30)
    left, top = np.clip(corner, 0, size - (WIDE, HIGH)).astype(int).tolist()
    shrunk = picture.resize((int(size[0]), int(size[1])), Image.Resampling.LANCZOS)
    return shrunk.crop((left, top, left + WIDE, top + HIGH))


if __name__ == "__main__":
    main()
