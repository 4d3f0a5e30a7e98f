"""A picture with what was read drawn over it: a box for each digit, and the digit above."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkdigit.reading.results import Box, Digit, Line, Reading
from inkdigit.utils.files import atomic

SURE = 0.8  # below it a digit is doubtful, here as on the page to draw on
CERTAIN, DOUBTFUL, NONE = "#0072b2", "#d55e00", "#767676"  # blue and vermilion: colour-blind people tell them apart

_SMALLEST = 640  # pixels along the longer side, below which the picture is enlarged, for the digits to have room
_THINNEST, _THICKEST = 1200, 300  # the parts of the longer side that a box's line has
_LOWEST, _HIGHEST = 100, 14  # and the parts that a digit's letter has
_LETTER = 0.6  # of the height of a line's digits


def annotate(picture: Image.Image, reading: Reading) -> Image.Image:
    """A picture of mode L, RGB or RGBA -> RGB, with boxes and digits; a small one is enlarged by a whole factor.

    Doubtful digits have another colour than the others, and what was rejected is dashed.
    """
    factor = -(-_SMALLEST // max(picture.size))
    paper = _opaque(picture)
    if factor > 1:
        paper = paper.resize((factor * paper.width, factor * paper.height), Image.Resampling.BICUBIC)
    pen = _Pen(paper, factor, _median([digit.box[3] for line in reading.lines for digit in line.digits]))
    for rejected in reading.rejected:
        pen.dashed(rejected.box)
    for line in reading.lines:
        pen.line(line)
    return paper


def _opaque(picture: Image.Image) -> Image.Image:
    """A copy in RGB; what is transparent becomes white, or nearly black below bright ink."""
    if picture.mode != "RGBA":
        return picture.convert("RGB") if picture.mode != "RGB" else picture.copy()
    visible = np.asarray(picture.convert("L"))[np.asarray(picture.getchannel("A")) > 127]
    bright = visible.size and visible.mean() > 160
    ground = Image.new("RGBA", picture.size, "#1b212a" if bright else "white")
    return Image.alpha_composite(ground, picture).convert("RGB")


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2] if values else 0


class _Pen:
    """Draws on a picture that is `factor` times as large as the one that was read. height: of its digits."""

    def __init__(self, paper: Image.Image, factor: int, height: int) -> None:
        self._draw, self._size, self._factor = ImageDraw.Draw(paper), paper.size, factor
        longest = max(paper.size)
        self._width = round(min(max(factor * height / 24, longest / _THINNEST, 1), max(longest / _THICKEST, 1)))

    def line(self, line: Line) -> None:
        """Each digit of a line: a box, and the digit in letters of one size."""
        longest, height = max(self._size), self._factor * _median([digit.box[3] for digit in line.digits])
        size = min(max(_LETTER * height, longest / _LOWEST), longest / _HIGHEST)
        font = ImageFont.load_default(size)
        for digit in line.digits:
            self._digit(digit, font)

    def _digit(self, digit: Digit, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
        colour = CERTAIN if digit.confidence >= SURE else DOUBTFUL
        left, top, right, bottom = self._around(digit.box)
        self._draw.rounded_rectangle((left, top, right, bottom), 3 * self._width, outline=colour, width=self._width)
        letter, halo = str(digit.digit), 2 * self._width
        middle, above = (left + right) / 2, top - halo
        start = self._draw.textbbox((middle, above), letter, font, "mb")[1]
        place, anchor = ((middle, above), "mb") if start >= 0 else ((middle, bottom + halo), "mt")
        self._draw.text(place, letter, colour, font, anchor, stroke_width=halo, stroke_fill="white")

    def dashed(self, box: Box) -> None:
        """The box of what is no digit."""
        left, top, right, bottom = self._around(box)
        dash = 5 * self._width
        for x in range(left, right, 2 * dash):
            for y in (top, bottom):
                self._draw.line((x, y, min(x + dash, right), y), NONE, self._width)
        for y in range(top, bottom, 2 * dash):
            for x in (left, right):
                self._draw.line((x, y, x, min(y + dash, bottom)), NONE, self._width)

    def _around(self, box: Box) -> Box:
        """The corners of a box that leaves its ink free, within the picture."""
        x, y, width, height = (self._factor * side for side in box)
        air = 2 * self._width
        right, bottom = self._size[0] - 1, self._size[1] - 1
        return max(x - air, 0), max(y - air, 0), min(x + width + air, right), min(y + height + air, bottom)


class Annotations:
    """Writes annotated pictures into a folder, each under its file's name; what is there stays there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, file: Path, page: int | None, picture: Image.Image, reading: Reading) -> Path:
        """Write the picture, annotated; where. Raises InkdigitError where that cannot be written."""
        photo = file.suffix.lower() in {".jpg", ".jpeg"}
        name, suffix = file.stem + ("" if page is None else f"-page{page}"), ".jpg" if photo else ".png"
        place, number = self._folder / f"{name}{suffix}", 1
        while place.exists():
            number += 1
            place = self._folder / f"{name}-{number}{suffix}"
        with atomic(place) as temporary:
            annotate(picture, reading).save(temporary, "JPEG" if photo else "PNG", quality=90)
        return place
