"""A picture of a page or of a line -> its digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.imaging.crop import clip_box
from inkdigit.imaging.decode import FORMATS, MAX_PIXELS
from inkdigit.imaging.grayscale import Ink
from inkdigit.imaging.page.deskew import Strip
from inkdigit.imaging.page.grouping import Check
from inkdigit.imaging.page.ink_map import InkMap, find_ink
from inkdigit.imaging.page.lines import Layout, find_lines, no_check
from inkdigit.imaging.page.rotation import candidate_rotations, rotation_sample
from inkdigit.imaging.preprocess import Picture, open_image, picture_name
from inkdigit.reading.line_digits import classify_digits, unclaimed_ink
from inkdigit.reading.line_model.detector import DetectedDigit, LineDetector
from inkdigit.reading.line_model.spec import SHIPPED_LINE_MODEL
from inkdigit.reading.results import Digit, Line, Reading, Rejected
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import ONNX_MODEL, read_verified

# Confidences before they are calibrated, 0 to 1.
CLEARLY_UPRIGHT = 0.75  # mean of a page's digits; a page with less is also tried the other ways up
NEUTRAL = 0.6  # a digit with more is evidence for this way up, one with less against it
MAX_ASPECT = 1_000  # how many times as long as the other one side of a picture may be
CLEAR_DIGIT = 0.75  # of most digits that a hand has written; few letters are taken for a digit with as much
MIN_LINE_MEAN = 0.5  # mean of a line's digits; a line with less has no digits
# A logistic calibration fitted to 1,885 digits on synthesised pages and 830 on cheques, on logits.
CALIBRATION_SLOPE, CALIBRATION_OFFSET = 1.8, 1.35

Found = tuple[list[list[Digit]], list[Rejected]]  # lines, and the ink that is not a digit


class Reader:
    """Reads digits off pictures. Serves any number of threads."""

    def __init__(self, recognizer: Recognizer, threads: int = 0) -> None:
        """Open the line model that ships.

        Args:
            recognizer: names digits that stand alone.
            threads: how many ONNX Runtime uses for the line model; 0 is one for each core.
        """
        self._recognizer = recognizer
        self._detector = LineDetector(read_verified(SHIPPED_LINE_MODEL, ONNX_MODEL), threads)

    def read(
        self,
        image: Picture,
        *,
        layout: Layout = "page",
        min_confidence: float = 0.0,
        ink: Ink = "auto",
        name: str | None = None,
        formats: Sequence[str] = FORMATS,
        largest: int = MAX_PIXELS,
        check: Check = no_check,
    ) -> Reading:
        """A picture -> its lines of digits, and the ink that is not a digit. A picture without ink has no lines.

        Args:
            image: a picture in any form that `prepare` takes.
            layout: "page" finds the lines; "line" takes all ink for one line.
            min_confidence: 0 to 1; digits below it are among the rejected.
            ink: as for `prepare`, as are `name`, `formats` and `largest`.
            name: what to call the picture in an error.
            formats: Pillow's names of the file formats that are accepted.
            largest: how many pixels a file's header may announce.
            check: called again and again while the picture is read; what it raises ends the work, as at a deadline.

        Raises:
            TooLargeError: the picture has more pixels than `largest`.
            InkdigitError: `image` is not a picture, or one side is more than MAX_ASPECT times the other.
        """
        name = name or picture_name(image)
        picture = open_image(image, name, formats, largest)
        _check_sides(picture.size, name)
        check()
        try:
            lines, rejected = self._read_upright(find_ink(picture, ink), layout, check)
        except (cv2.error, MemoryError) as error:
            reason = " ".join(str(error).split()) or "too little memory"
            raise InkdigitError(f"{name} cannot be read: {reason}", code="picture-unreadable") from error
        lines = [[_finished(digit, picture.size) for digit in line] for line in lines]
        rejected += [Rejected(digit.box, "not sure") for digit in chain(*lines) if digit.confidence < min_confidence]
        sure = [tuple(digit for digit in line if digit.confidence >= min_confidence) for line in lines]
        rejected = [replace(region, box=clip_box(region.box, picture.size)) for region in rejected]
        return Reading(tuple(Line(line) for line in sure if line), tuple(rejected))

    def _read_upright(self, ink_map: InkMap, layout: Layout, check: Check) -> Found:
        """Read a page in its likely rotations; if the digits are doubtful, in the other ones too."""
        if layout == "line":
            return self._read(ink_map, layout, check)
        if sample := rotation_sample(ink_map):
            quarters, found = self._best_rotation(sample, check)
            if _plausibility(found) <= 0:  # letters: what is taken for digits in them says nothing
                quarters = candidate_rotations(sample)[0]
            return self._read(ink_map.turned(quarters), layout, check)
        return self._best_rotation(ink_map, check)[1]

    def _best_rotation(self, ink_map: InkMap, check: Check) -> tuple[int, Found]:
        """By how many right angles a page has to be turned to be upright, and what is read then."""
        layout: Layout = "page"
        rotations = list(candidate_rotations(ink_map))
        found = [self._read(ink_map.turned(quarters), layout, check) for quarters in rotations]
        if 0 < max(map(_mean_confidence, found)) < CLEARLY_UPRIGHT:
            others = [quarters for quarters in range(4) if quarters not in rotations]
            found += [self._read(ink_map.turned(quarters), layout, check) for quarters in others]
            rotations += others
        return max(zip(rotations, found, strict=True), key=lambda read: _plausibility(read[1]))  # of equals, the first

    def _read(self, ink_map: InkMap, layout: Layout, check: Check) -> Found:
        check()
        found = find_lines(ink_map, layout, check, lambda strips: self._count_digits(strips, check))
        rejected = [Rejected(region.box, region.reason) for region in found.rejected]
        detected = self._detector.find([strip.image for strip in found.strips], check)
        lines: list[list[Digit]] = []
        every = classify_digits([strip.image for strip in found.strips], detected, self._recognizer, check)
        for strip, on_strip, probabilities in zip(found.strips, detected, every, strict=True):
            check()
            digits = _digits(strip, on_strip, probabilities)
            rejected += [Rejected(strip.box(*box), "no digit") for box in unclaimed_ink(strip.image, on_strip)]
            if layout == "line" or sum(digit.confidence - MIN_LINE_MEAN for digit in digits) > 0:
                lines.append(digits)
            else:  # digits found in letters and dirt are doubtful all along the line
                rejected += [Rejected(digit.box, "no digit") for digit in digits]
        return lines, rejected

    def _count_digits(self, strips: Sequence[Strip], check: Check) -> list[int]:
        """How many clear digits are on each strip, as the line model alone sees it."""
        detected = self._detector.find([strip.image for strip in strips], check)
        clear = [[digit.objectness * digit.probabilities.max() > CLEAR_DIGIT for digit in found] for found in detected]
        return [sum(map(bool, found)) for found in clear]


def _check_sides(size: tuple[int, int], name: str) -> None:
    """Raise InkdigitError for a picture that is a thin line: OpenCV refuses some, and others take long for nothing."""
    if max(size) > MAX_ASPECT * min(size):
        message = f"{name} has {size[0]} x {size[1]} pixels, a side over {MAX_ASPECT:,} times the other: crop it."
        raise InkdigitError(message, code="picture-too-narrow")


def _digits(strip: Strip, detected: list[DetectedDigit], probabilities: NDArray[np.float64]) -> list[Digit]:
    """The N digits of a strip, their probabilities, (N, 10) -> each, with the probability that it is this digit."""
    digits: list[Digit] = []
    for found, row in zip(detected, probabilities, strict=True):
        of_each = tuple(map(float, row))
        best = max(range(10), key=of_each.__getitem__)
        digits.append(Digit(best, found.objectness * of_each[best], of_each, strip.box(*found.box)))
    return digits


def _finished(digit: Digit, size: tuple[int, int]) -> Digit:
    """A digit with its confidence calibrated, and its box inside a picture of this width and height."""
    raw = min(max(digit.confidence, 1e-6), 1 - 1e-6)
    logit = math.log(raw / (1 - raw))
    confidence = 1 / (1 + math.exp(-CALIBRATION_SLOPE * logit - CALIBRATION_OFFSET))
    return replace(digit, confidence=confidence, box=clip_box(digit.box, size))


def _mean_confidence(found: Found) -> float:
    """0 where there are no digits."""
    digits = list(chain(*found[0]))
    return sum(digit.confidence for digit in digits) / len(digits) if digits else 0.0


def _plausibility(found: Found) -> float:
    """The evidence that a page was read the right way up: confident digits are for it, doubtful ones against it."""
    return sum(digit.confidence - NEUTRAL for digit in chain(*found[0]))


def read(image: Picture, *, layout: Layout = "page", **more: Any) -> Reading:
    """A picture -> its digits, by the models that ship: `read("photo.jpg").text`. Arguments as for `Reader.read`."""
    return _shipped_reader().read(image, layout=layout, **more)


@cache
def _shipped_reader() -> Reader:
    return Reader(Recognizer.load())
