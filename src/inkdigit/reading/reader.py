"""A picture of a page or of a line -> its digits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.decode import FORMATS, LARGEST
from inkdigit.imaging.grey import Ink
from inkdigit.imaging.lines import Layout, Strip, strips
from inkdigit.imaging.prepare import opened
from inkdigit.reading.detector import LineDetector, Spot
from inkdigit.reading.pieces import answered, left_over
from inkdigit.reading.text import Digit, Line, Reading, Rejected
from inkdigit.recognizer import Recognizer
from inkdigit.runs import MODEL, SHIPPED, read_verified

DETECTOR = SHIPPED / "line"


class Reader:
    """Reads digits off pictures. Serves any number of threads.

    recognizer: names digits that stand alone. threads: that ONNX Runtime works on for the rest; 0: one for each core.
    """

    def __init__(self, recognizer: Recognizer, threads: int = 0) -> None:
        self._recognizer = recognizer
        self._detector = LineDetector(read_verified(DETECTOR, MODEL), threads)

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
    ) -> Reading:
        """The digits in a picture.

        image: whatever `prepare` takes. layout: "page" finds the lines; "line" says that there is one.
        min_confidence: what is less sure is among the rejected. ink, name, formats, largest: as for `prepare`.
        A picture without ink has no lines. Raises InkdigitError for what is no picture.
        """
        name = name or (str(image) if isinstance(image, str | Path) else "the picture")
        found = strips(opened(image, name, formats, largest), layout, ink)
        rejected = [Rejected(blot.box, blot.reason) for blot in found.blots]
        every = [strip for line in found.lines for strip in line]
        spots = dict(zip(map(id, every), self._detector.find([strip.image for strip in every]), strict=True))
        lines: list[Line] = []
        for line in found.lines:
            digits: list[Digit] = []
            for strip in line:
                here = self._digits(strip, spots[id(strip)])
                digits += [digit for digit in here if digit.confidence >= min_confidence]
                rejected += [Rejected(digit.box, "not sure") for digit in here if digit.confidence < min_confidence]
                rejected += [Rejected(strip.box(*box), "no digit") for box in left_over(strip.image, spots[id(strip)])]
            lines += [Line(tuple(digits))] if digits else []
        return Reading(tuple(lines), tuple(rejected))

    def _digits(self, strip: Strip, spots: list[Spot]) -> list[Digit]:
        """The digits of a strip; how sure each is that it is one, and which."""
        digits: list[Digit] = []
        for spot, row in zip(spots, answered(strip.image, spots, self._recognizer), strict=True):
            probabilities = tuple(map(float, row))
            best = max(range(10), key=probabilities.__getitem__)
            digits.append(Digit(best, spot.here * probabilities[best], probabilities, strip.box(*spot.box)))
        return digits


def read(image: Image.Image | NDArray[Any] | bytes | str | Path, *, layout: Layout = "page", **more: Any) -> Reading:
    """The digits in a picture, by the models that ship: `read("photo.jpg").text`. See Reader.read."""
    return _shipped().read(image, layout=layout, **more)


@cache
def _shipped() -> Reader:
    return Reader(Recognizer.load())
