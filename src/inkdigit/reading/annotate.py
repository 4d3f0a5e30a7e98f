"""A picture and what was read in it -> the picture with a box around each digit and the digit above it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkdigit.imaging.crop import Box
from inkdigit.imaging.grayscale import flatten
from inkdigit.reading.results import Digit, Line, Reading
from inkdigit.utils.files import atomic

MIN_SURE_CONFIDENCE = 0.8  # below it a digit is drawn as doubtful, as on the page to draw on
# Blue and vermilion, which colour-blind people tell apart, and grey.
SURE_COLOUR, DOUBTFUL_COLOUR, REJECTED_COLOUR = "#0072b2", "#d55e00", "#767676"

_MIN_SIZE = 640  # pixels along the longer side; a smaller picture is enlarged, to make room for the digits
_MIN_LINE_PART, _MAX_LINE_PART = 1200, 300  # a box's line is at least, and at most, this part of the longer side
_MIN_LETTER_PART, _MAX_LETTER_PART = 100, 14  # the same for the digit's letter
_LETTER_SHARE = 0.6  # of the height of a line's digits is the height of its letters


def annotate(picture: Image.Image, reading: Reading) -> Image.Image:
    """A picture of mode L, RGB or RGBA -> a new one, RGB, with boxes and digits; a small one is enlarged.

    Doubtful digits have another colour than sure ones, and the boxes of rejected ink are dashed.

    Args:
        picture: the picture that was read, upright. It stays as it is.
        reading: what was read in it.
    """
    factor = -(-_MIN_SIZE // max(picture.size))
    drawn = flatten(picture, _paper_colour(picture)).copy()
    if factor > 1:
        drawn = drawn.resize((factor * drawn.width, factor * drawn.height), Image.Resampling.BICUBIC)
    pen = _Pen(drawn, factor, _median([digit.box[3] for line in reading.lines for digit in line.digits]))
    for rejected in reading.rejected:
        pen.dashed(rejected.box)
    for line in reading.lines:
        pen.line(line)
    return drawn


def _paper_colour(picture: Image.Image) -> str:
    """The colour for what is transparent in a picture: white, or nearly black where its ink is bright."""
    if picture.mode != "RGBA":
        return "white"
    visible = np.asarray(picture.convert("L"))[np.asarray(picture.getchannel("A")) > 127]
    return "#1b212a" if visible.size and visible.mean() > 160 else "white"


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2] if values else 0


class _Pen:
    """Draws on a picture that is `factor` times as large as the one that was read.

    height: of the digits there, in pixels of the picture that was read; 0 where there are none.
    """

    def __init__(self, paper: Image.Image, factor: int, height: int) -> None:
        self._draw, self._size, self._factor = ImageDraw.Draw(paper), paper.size, factor
        longest = max(paper.size)
        self._width = round(
            min(max(factor * height / 24, longest / _MIN_LINE_PART, 1), max(longest / _MAX_LINE_PART, 1))
        )

    def line(self, line: Line) -> None:
        """Draw a box around each digit of a line, and the digits in letters of one size."""
        longest, height = max(self._size), self._factor * _median([digit.box[3] for digit in line.digits])
        size = min(max(_LETTER_SHARE * height, longest / _MIN_LETTER_PART), longest / _MAX_LETTER_PART)
        font = ImageFont.load_default(size)
        for digit in line.digits:
            self._digit(digit, font)

    def _digit(self, digit: Digit, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
        colour = SURE_COLOUR if digit.confidence >= MIN_SURE_CONFIDENCE else DOUBTFUL_COLOUR
        left, top, right, bottom = self._around(digit.box)
        self._draw.rounded_rectangle((left, top, right, bottom), 3 * self._width, outline=colour, width=self._width)
        letter, halo = str(digit.digit), 2 * self._width
        middle, above = (left + right) / 2, top - halo
        start = self._draw.textbbox((middle, above), letter, font, "mb")[1]
        place, anchor = ((middle, above), "mb") if start >= 0 else ((middle, bottom + halo), "mt")
        self._draw.text(place, letter, colour, font, anchor, stroke_width=halo, stroke_fill="white")

    def dashed(self, box: Box) -> None:
        """Draw the box of ink that is not a digit."""
        left, top, right, bottom = self._around(box)
        dash = 5 * self._width
        for x in range(left, right, 2 * dash):
            for y in (top, bottom):
                self._draw.line((x, y, min(x + dash, right), y), REJECTED_COLOUR, self._width)
        for y in range(top, bottom, 2 * dash):
            for x in (left, right):
                self._draw.line((x, y, x, min(y + dash, bottom)), REJECTED_COLOUR, self._width)

    def _around(self, box: Box) -> Box:
        """The corners, left, top, right, bottom, of a box drawn a little away from its ink, within the picture.

        A box that lies outside, as another program may send one, becomes the nearest point inside.
        """
        x, y, width, height = (self._factor * side for side in box)
        distance = 2 * self._width
        left, right = (min(max(at, 0), self._size[0] - 1) for at in (x - distance, x + width + distance))
        top, bottom = (min(max(at, 0), self._size[1] - 1) for at in (y - distance, y + height + distance))
        return left, top, right, bottom


class Annotations:
    """Writes annotated pictures into a folder, each under its file's name; no file there is replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, file: Path, page: int | None, picture: Image.Image, reading: Reading) -> Path:
        """Write one annotated picture.

        Args:
            file: where the picture comes from, for its name.
            page: its number in that file, if it has pages.
            picture: the picture that was read.
            reading: what was read in it.

        Returns:
            The path written to.

        Raises:
            InkdigitError: it cannot be written there.
        """
        photo = file.suffix.lower() in {".jpg", ".jpeg"}
        name, suffix = file.stem + ("" if page is None else f"-page{page}"), ".jpg" if photo else ".png"
        place, number = self._folder / f"{name}{suffix}", 1
        while place.exists():
            number += 1
            place = self._folder / f"{name}-{number}{suffix}"
        with atomic(place) as temporary:
            annotate(picture, reading).save(temporary, "JPEG" if photo else "PNG", quality=90)
        return place
