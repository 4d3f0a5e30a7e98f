"""What was read is drawn where it stands: in its colour, whatever the picture's size and mode."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from inkdigit.reading.annotate import DOUBTFUL_COLOUR, REJECTED_COLOUR, SURE_COLOUR, annotate
from inkdigit.reading.results import Box, Digit, Line, Reading, Rejected


def digit(box: Box, confidence: float) -> Digit:
    return Digit(7, confidence, (0.1,) * 10, box)


def where(picture: Image.Image, colour: str) -> NDArray[np.bool_]:
    """The pixels of a colour."""
    wanted = np.array(ImageColor.getrgb(colour))
    return cv2.inRange(np.asarray(picture), np.maximum(wanted - 7, 0), np.minimum(wanted + 7, 255)).astype(bool)


@pytest.mark.parametrize("factor", [1, 10, 40])
def test_each_kind_of_box_has_its_colour_and_its_place(factor: int) -> None:
    """On a picture of any size, in proportion."""
    boxes: list[Box] = [(20, 40, 20, 24), (60, 40, 20, 24), (100, 40, 10, 10)]
    sure, unsure, none = [tuple(factor * side for side in box) for box in boxes]
    line = Line((digit(sure, 0.99), digit(unsure, 0.5)))  # type: ignore[arg-type]
    reading = Reading((line,), (Rejected(none, "no digit"),))  # type: ignore[arg-type]
    drawn = annotate(Image.new("L", (150 * factor, 100 * factor), 255), reading)
    assert max(drawn.size) >= 640
    scale = drawn.width / 150
    for colour, (x, y, width, height) in zip((SURE_COLOUR, DOUBTFUL_COLOUR, REJECTED_COLOUR), boxes, strict=True):
        found = where(drawn, colour)
        rows, columns = np.nonzero(found)
        assert x - 5 < columns.min() / scale <= x
        assert x + width <= columns.max() / scale < x + width + 5
        assert y + height <= rows.max() / scale < y + height + 5
        assert (rows.min() / scale < y - 8) == (colour != REJECTED_COLOUR)  # the letter stands above its box
        inside = found[round(y * scale) : round((y + height) * scale)]
        assert not inside[:, round((x + 1) * scale) : round((x + width - 1) * scale)].any()  # over no ink


def test_a_digit_at_the_upper_border_has_its_letter_below() -> None:
    drawn = where(
        annotate(Image.new("L", (800, 200), 255), Reading((Line((digit((50, 0, 40, 60), 1.0),)),))), SURE_COLOUR
    )
    rows, _ = np.nonzero(drawn)
    assert rows.max() > 80


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 27)])
def test_transparent_paper_gets_a_colour_that_shows_the_ink(ink: int, ground: int) -> None:
    picture = Image.new("RGBA", (700, 100), (ink, ink, ink, 0))
    picture.paste((ink, ink, ink, 255), (300, 20, 320, 80))
    drawn = annotate(picture, Reading())
    assert drawn.mode == "RGB"
    assert drawn.getpixel((310, 50)) == (ink,) * 3
    assert drawn.getpixel((10, 10))[0] == ground  # type: ignore[index]


def test_the_picture_itself_stays_as_it_was() -> None:
    picture = Image.new("RGB", (700, 100), "white")
    annotate(picture, Reading((Line((digit((50, 30, 40, 60), 1.0),)),)))
    assert picture.getextrema() == ((255, 255),) * 3
    assert annotate(Image.new("RGBA", (1, 1)), Reading()).size == (640, 640)
