"""A picture of a page or of a line -> its digits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.decode import FORMATS, LARGEST
from inkdigit.imaging.grey import Ink, to_grey
from inkdigit.imaging.light import look_in_even_light
from inkdigit.imaging.normalize import normalize
from inkdigit.imaging.prepare import opened
from inkdigit.reading.text import Box, Digit, Line, Reading, Rejected
from inkdigit.recognizer import Recognizer

Layout = Literal["page", "line"]


class Reader:
    """Reads digits off pictures. Serves any number of threads."""

    def __init__(self, recognizer: Recognizer, threads: int = 0) -> None:  # noqa: ARG002
        self._recognizer = recognizer

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
        picture = opened(image, name, formats, largest)
        lines, rejected = self._lines(picture, layout, ink)
        sure: list[Line] = []
        for line in lines:
            kept = tuple(digit for digit in line.digits if digit.confidence >= min_confidence)
            rejected += [Rejected(digit.box, "not sure") for digit in line.digits if digit not in kept]
            sure += [Line(kept)] if kept else []
        return Reading(tuple(sure), tuple(rejected))

    def _lines(self, picture: Image.Image, layout: Layout, ink: Ink) -> tuple[list[Line], list[Rejected]]:
        sight = look_in_even_light(to_grey(picture, ink), ink)
        if sight.levels is None:
            return [], []
        mask = sight.bright > sight.levels.cut
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        boxes: list[Box] = [(int(x), int(y), int(w), int(h)) for x, y, w, h, _ in stats[1:] if h >= 8]
        if not boxes:
            return [], []
        crops = [np.where(mask, sight.bright, 0)[y : y + h, x : x + w].astype(np.uint8) for x, y, w, h in boxes]
        found = self._recognizer.predict_proba(np.stack([normalize(crop) for crop in crops]))
        digits = [
            Digit(int(row.argmax()), float(row.max()), tuple(map(float, row)), box)
            for row, box in zip(found, boxes, strict=True)
        ]
        rows: list[list[Digit]] = []
        for digit in sorted(digits, key=lambda digit: digit.box[1]):
            middle = digit.box[1] + digit.box[3] / 2
            if (layout == "line" and rows) or (rows and middle < max(one.box[1] + one.box[3] for one in rows[-1])):
                rows[-1].append(digit)
            else:
                rows.append([digit])
        return [Line(tuple(sorted(row, key=lambda digit: digit.box[0]))) for row in rows], []


def read(image: Image.Image | NDArray[Any] | bytes | str | Path, *, layout: Layout = "page", **more: Any) -> Reading:
    """The digits in a picture, by the model that ships: `read("photo.jpg").text`. See Reader.read."""
    return _shipped().read(image, layout=layout, **more)


@cache
def _shipped() -> Reader:
    return Reader(Recognizer.load())
