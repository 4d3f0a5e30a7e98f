"""Draws the form of form.toml, fills it with handwriting and photographs it: `python -m docs.examples.form.make`.

The handwriting is drawn from MNIST's test images, so it is nobody's data.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.forms import template
from inkdigit.forms.printed import corners, dividers
from inkdigit.synth import camera, glyphs
from inkdigit.synth.paper import clouds, grains

HERE = Path(__file__).parent
SCALE = 300 / 25.4  # pixels a mm: what printers print
PRINT, TEXT, INK = (70, 110, 140), (27, 36, 48), (32, 48, 135)
LABELS = {
    "customer": "Customer number",
    "born": "Date of birth (day, month, year)",
    "isbn": "ISBN",
    "copies": "Copies",
    "telephone": "Telephone",
    "postcode": "Postcode",
    "reference": "Our reference (leave empty if none)",
}
TRUTH = {
    "filled.jpg": {
        "customer": "4820519371",
        "born": "17081963",
        "isbn": "9780306406157",
        "copies": "2",
        "telephone": "0351628470",
        "postcode": "50937",
        "reference": "",
    },
    "hasty.jpg": {
        "customer": "7305581949",
        "born": "02121947",
        "isbn": "9783161484100",
        "copies": "13",
        "telephone": "04022957681",
        "postcode": "18055",
        "reference": "4471",
    },
}

Page = NDArray[np.uint8]  # (H, W, 3)


def load() -> template.Template:
    return template.load(HERE / "form.toml")


def blank(form: template.Template) -> Page:
    """The form as it is printed."""
    page = Image.new("RGB", _pixels(*form.page), "white")
    draw = ImageDraw.Draw(page)

    def text(x: float, y: float, words: str, size: float, colour: tuple[int, int, int] = TEXT) -> None:
        font = cast("ImageFont.FreeTypeFont", ImageFont.load_default(size * SCALE))
        draw.text(_pixels(x, y), words, colour, font, anchor="ls")

    def bar(x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        draw.rectangle([_pixels(x, y), _pixels(x + width, y + height)], colour)

    for number, (x, y, size, _) in enumerate(corners(form)):
        bar(x, y, size, size, (0, 0, 0))
        if number == 0:
            bar(x + size / 4, y + size / 4, size / 2, size / 2, (255, 255, 255))
    text(20, 24, "Order a book", 7)
    text(20, 31, "Please write digits only, with a dark pen, one digit in a box.", 3.4, (90, 100, 115))
    for field in form.fields:
        x, y, width, height = field.box
        text(x, y - 1.8, LABELS[field.name], 3.2)
        if not field.boxes:
            bar(x, y + height + 0.8, width, 0.2, (170, 180, 190))
            continue
        for line in (y, y + height):
            bar(x - 0.15, line - 0.15, width + 0.3, 0.3, PRINT)
        for line in dividers(field):
            bar(line - 0.15, y, 0.3, height, PRINT)
    text(20, 122, "Hand the slip in at the desk, or send", 3.2, (90, 100, 115))
    text(20, 126.5, "a photo of the whole page to the library.", 3.2, (90, 100, 115))
    return np.asarray(page)


def fill(
    page: Page, form: template.Template, answers: dict[str, str], digits: Dataset, rng: np.random.Generator,
    hand: glyphs.Hand, haste: float = 0.3,
) -> Page:  # fmt: skip
    """The page with the answers written on it. haste: mm, how far digits are out of place."""
    filled = page.astype(np.float32)
    ink = np.zeros(page.shape[:2], np.float32)
    for field in form.fields:
        x, y, width, height = field.box
        step = width / field.boxes if field.boxes > 1 else min(0.7 * height, width / (len(answers[field.name]) + 1))
        start = x if field.boxes > 1 else x + 2
        for place, character in enumerate(answers[field.name]):
            row = int(rng.choice(np.flatnonzero(digits.required_labels == int(character))))
            tall = height * rng.uniform(0.58, 0.7)
            glyph = glyphs.digit(digits.images[row], round(tall * SCALE), hand, rng)
            if glyph.shape[1] > (widest := round(0.85 * step * SCALE)):
                glyph = cv2.resize(glyph, (widest, glyph.shape[0]), interpolation=cv2.INTER_AREA)
            centre = start + (place + 0.5) * step + rng.normal(0, haste), y + height / 2 + rng.normal(0, haste)
            left, top = (np.array(_pixels(*centre)) - np.array(glyph.shape[::-1]) // 2).tolist()
            spot = ink[top : top + glyph.shape[0], left : left + glyph.shape[1]]
            np.maximum(spot, glyph / np.float32(255), out=spot)
    strength = (0.9 + 0.05 * grains(page.shape[:2], 3, rng)).clip(0, 1) * ink
    filled *= 1 - strength[..., None] * (1 - np.array(INK, np.float32) / 255)
    return np.rint(filled).astype(np.uint8)


def photograph(
    page: Page, rng: np.random.Generator, *, width: int = 1700, turns: int = 0, tilt: float = 0.08,
    light: Iterable[str] = ("uneven-light",), noise: float = 3,
) -> Page:  # fmt: skip
    """The page on a table, as a telephone sees it.

    turns: quarters. tilt: how far the corners are out of place, as a share of the page. light: hardships of
    inkdigit.synth.camera. noise: grey levels.
    """
    height = round(width * 0.75)
    paper = np.rot90(page, turns)
    across = 0.86 * min(width, height * paper.shape[1] / paper.shape[0])
    half = np.array([across, across * paper.shape[0] / paper.shape[1]]) / 2
    seen = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    seen = seen * (1 - tilt * rng.uniform(0, 1, (4, 1))) + np.array([width, height]) / 2
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * paper.shape[1::-1]
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
    reduced = cv2.GaussianBlur(paper, (0, 0), max(0.35 * paper.shape[1] / across, 0.1))
    size = (height, width)
    table = np.array([96, 74, 58], np.float32) + 7 * clouds(size, 40, rng)[..., None] + grains(size, 1, rng)[..., None]
    warped = cv2.warpPerspective(reduced, matrix, (width, height)).astype(np.float32)
    cover = cv2.warpPerspective(np.ones(paper.shape[:2], np.float32), matrix, (width, height))[..., None]
    shade = cv2.GaussianBlur(np.roll(cover[..., 0], (7, 5), (0, 1)), (0, 0), 9)[..., None]
    picture = cover * warped * 0.96 + (1 - cover) * table * (1 - 0.5 * shade)
    lit = picture * camera.light(size, frozenset(light), rng)
    return np.rint((lit + noise * grains(size, 0.6, rng)[..., None]).clip(0, 255)).astype(np.uint8)


def _pixels(x: float, y: float) -> tuple[int, int]:
    return round(x * SCALE), round(y * SCALE)


def main() -> None:
    form, digits = load(), mnist.load()[1]
    page = blank(form)
    Image.fromarray(page).quantize(32).save(HERE / "blank.png", optimize=True, dpi=(300, 300))
    calm, hasty = glyphs.Hand(width=0.08, slant=0.1), glyphs.Hand(width=0.07, slant=0.25, bend=0.03)
    rng = np.random.default_rng(1)
    paper = fill(page, form, TRUTH["filled.jpg"], digits, rng, calm)
    pictures = {"filled.jpg": photograph(paper, rng, light=("uneven-light", "soft-shadow"))}
    rng = np.random.default_rng(7)
    paper = fill(page, form, TRUTH["hasty.jpg"], digits, rng, hasty, haste=0.7)
    pictures["hasty.jpg"] = photograph(paper, rng, turns=1, width=1500)
    for name, picture in pictures.items():
        Image.fromarray(picture).save(HERE / name, quality=82, optimize=True)
        print(f"{HERE / name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
