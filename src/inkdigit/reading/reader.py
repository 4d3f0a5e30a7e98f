"""A picture of a page or of a line -> its digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.decode import FORMATS, LARGEST
from inkdigit.imaging.grayscale import Ink
from inkdigit.imaging.page.grouping import Layout, Strip, candidate_rotations, find_lines
from inkdigit.imaging.page.ink_map import InkMap, find_ink
from inkdigit.imaging.preprocess import open_image
from inkdigit.reading.line_digits import classify_digits, unclaimed_ink
from inkdigit.reading.line_model.detector import LineDetector, Spot
from inkdigit.reading.results import Box, Digit, Line, Reading, Rejected
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import ONNX_MODEL, SHIPPED_RUN, read_verified

DETECTOR = SHIPPED_RUN / "line"
# Confidences before they are calibrated. A page that is read more surely is upright; less speaks against a turn.
SURE, DOUBTFUL = 0.75, 0.6
LIKELY = 0.5  # on average, below which a line has no digits
SLOPE, OFFSET = 1.8, 1.35  # make a logit of 1,885 digits on synthesised pages and 830 on cheques a calibrated one

Check = Callable[[], object]  # called between the steps of the work; it may raise to end it

Found = tuple[list[list[Digit]], list[Rejected]]  # lines, and what is none


class Reader:
    """Reads digits off pictures. Serves any number of threads.

    recognizer: names digits that stand alone. threads: that ONNX Runtime works on for the rest; 0: one for each core.
    """

    def __init__(self, recognizer: Recognizer, threads: int = 0) -> None:
        self._recognizer = recognizer
        self._detector = LineDetector(read_verified(DETECTOR, ONNX_MODEL), threads)

    def read(
        self,
        image: Image.Image | NDArray[Any] | bytes | str | Path,
        *,
        layout: Layout = "page",
        min_confidence: float = 0.0,
        ink: Ink = "auto",
        name: str | None = None,
        formats: Sequence[str] = FORMATS,
        largest: int = LARGEST,
        check: Check = lambda: None,
    ) -> Reading:
        """The digits in a picture.

        image: whatever `prepare` takes. layout: "page" finds the lines; "line" says that there is one.
        min_confidence: what is less sure is among the rejected. ink, name, formats, largest: as for `prepare`.
        check: called between the steps of the work; it may raise, which ends the work.
        A picture without ink has no lines. Raises InkdigitError for what is no picture.
        """
        name = name or (str(image) if isinstance(image, str | Path) else "the picture")
        picture = open_image(image, name, formats, largest)
        check()
        lines, rejected = self._read_upright(find_ink(picture, ink), layout, check)
        lines = [[_told(digit, picture.size) for digit in line] for line in lines]
        rejected += [Rejected(digit.box, "not sure") for digit in chain(*lines) if digit.confidence < min_confidence]
        sure = [tuple(digit for digit in line if digit.confidence >= min_confidence) for line in lines]
        rejected = [replace(blot, box=_inside(blot.box, picture.size)) for blot in rejected]
        return Reading(tuple(Line(line) for line in sure if line), tuple(rejected))

    def _read_upright(self, sheet: InkMap, layout: Layout, check: Check) -> Found:
        """The page turned as its lines lie; where what is read is doubtful, turned as speaks most for it."""
        if layout == "line":
            return self._read(sheet, layout, check)
        likely = candidate_rotations(sheet)
        found = [self._read(sheet.turned(turn), layout, check) for turn in likely]
        if 0 < max(map(_sureness, found)) < SURE:
            found += [self._read(sheet.turned(turn), layout, check) for turn in range(4) if turn not in likely]
        return max(found, key=_plausible)  # the first, where they are alike

    def _read(self, sheet: InkMap, layout: Layout, check: Check) -> Found:
        check()
        found = find_lines(sheet, layout)
        rejected = [Rejected(blot.box, blot.reason) for blot in found.blots]
        every = self._detector.find([strip.image for strip in found.lines], check)
        lines: list[list[Digit]] = []
        for strip, spots in zip(found.lines, every, strict=True):
            check()
            digits = self._digits(strip, spots)
            rejected += [Rejected(strip.box(*box), "no digit") for box in unclaimed_ink(strip.image, spots)]
            if layout == "line" or sum(digit.confidence - LIKELY for digit in digits) > 0:
                lines.append(digits)
            else:  # what is found in letters and dirt is doubtful all along the line
                rejected += [Rejected(digit.box, "no digit") for digit in digits]
        return lines, rejected

    def _digits(self, strip: Strip, spots: list[Spot]) -> list[Digit]:
        """The digits of a strip; how sure each is that it is one, and which."""
        digits: list[Digit] = []
        for spot, row in zip(spots, classify_digits(strip.image, spots, self._recognizer), strict=True):
            probabilities = tuple(map(float, row))
            best = max(range(10), key=probabilities.__getitem__)
            digits.append(Digit(best, spot.here * probabilities[best], probabilities, strip.box(*spot.box)))
        return digits


def _told(digit: Digit, size: tuple[int, int]) -> Digit:
    """A digit as callers want it: its confidence calibrated, its box inside a picture of so many columns and rows."""
    raw = min(max(digit.confidence, 1e-6), 1 - 1e-6)
    confidence = 1 / (1 + math.exp(-SLOPE * math.log(raw / (1 - raw)) - OFFSET))
    return replace(digit, confidence=confidence, box=_inside(digit.box, size))


def _inside(box: Box, size: tuple[int, int]) -> Box:
    """What of a box is in a picture of so many columns and rows: a pixel at least."""
    left, top = (min(max(start, 0), length - 1) for start, length in zip(box[:2], size, strict=True))
    return left, top, max(min(box[0] + box[2], size[0]) - left, 1), max(min(box[1] + box[3], size[1]) - top, 1)


def _sureness(found: Found) -> float:
    """The mean confidence of the digits; 0 where there are none."""
    digits = list(chain(*found[0]))
    return sum(digit.confidence for digit in digits) / len(digits) if digits else 0.0


def _plausible(found: Found) -> float:
    """How much speaks for a page being read the right way up: sure digits for it, doubtful ones against."""
    return sum(digit.confidence - DOUBTFUL for digit in chain(*found[0]))


def read(image: Image.Image | NDArray[Any] | bytes | str | Path, *, layout: Layout = "page", **more: Any) -> Reading:
    """The digits in a picture, by the models that ship: `read("photo.jpg").text`. See Reader.read."""
    return _shipped().read(image, layout=layout, **more)


@cache
def _shipped() -> Reader:
    return Reader(Recognizer.load())
