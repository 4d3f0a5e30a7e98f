"""A field of a form that was located -> its ink without the print, and the digits read in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import NoInkError
from inkdigit.forms.homography import Matrix, placed, rectified
from inkdigit.forms.line_removal import without_lines
from inkdigit.forms.printed import Grey, dividers, drawn, matches, paper_darkness, straight_lines
from inkdigit.forms.template import Field, Rectangle, Template
from inkdigit.imaging.binarize import binarize
from inkdigit.imaging.crop import ink_slices
from inkdigit.imaging.grayscale import to_grayscale
from inkdigit.imaging.preprocess import prepare
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer

MIN_SCALE, MAX_SCALE = 8.0, 20.0  # pixels per mm of a cut-out field: the picture's own scale, within these
MAX_FIELD_STROKE = 3.0  # mm: no pen is as broad
MARGIN = 2.0  # mm around a field, for strokes that leave it
MAX_SHIFT = 1.2  # mm between a field and the place that follows from the whole form, on paper that is not flat
MIN_BOX_SCORE = 0.4  # correlation above which the printed boxes count as found
MIN_DIGIT_SIZE = 1.5  # mm of a digit's longer side
MIN_BOX_SHARE = 0.8  # of a stroke's ink in one box: the whole stroke belongs there


@dataclass(frozen=True)
class Crop:
    """A field, cut out of a picture.

    Attributes:
        picture: (H, W, 3) uint8, the field with a margin.
        ink: (H, W) uint8, its strokes bright on 0, without the print.
        box: x, y, width, height of the field in pixels of both.
        scale: pixels per mm.
    """

    picture: NDArray[np.uint8]
    ink: Grey
    box: Rectangle
    scale: float


@dataclass(frozen=True)
class Digits:
    """The digits found in a field.

    Attributes:
        probabilities: for each digit, from left to right, those of 0 to 9. They sum to the probability that there is
            a digit at all.
        gap: whether a box between others is empty.
    """

    probabilities: tuple[tuple[float, ...], ...]
    gap: bool = False


def cut_out(picture: NDArray[np.uint8], matrix: Matrix, field: Field) -> Crop:
    """A picture with a form -> one of its fields.

    Args:
        picture: (H, W, 3) uint8.
        matrix: (3, 3), where the page lies in it: mm on the page to pixels.
        field: the field.
    """
    x, y, width, height = field.box
    middle = np.array([(x + width / 2, y + height / 2)])
    steps = placed(matrix, middle + np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]))
    scale = float(np.clip(np.linalg.norm(steps[1:] - steps[0], axis=1).max(), MIN_SCALE, MAX_SCALE))
    area = (x - MARGIN, y - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
    seen = rectified(picture, matrix, area, scale)
    dark = paper_darkness(np.asarray(to_grayscale(Image.fromarray(seen), "dark")), scale, MAX_FIELD_STROKE)
    left, top = MARGIN, MARGIN
    if field.boxes:
        moved = _shift(dark, area, field, scale)
        left, top = left + moved[0], top + moved[1]
    box = left * scale, top * scale, width * scale, height * scale
    return Crop(seen, _ink(dark, field, box, scale), box, scale)


def _shift(dark: Grey, area: Rectangle, field: Field, scale: float) -> tuple[float, float]:
    """How far, in mm, a field's boxes are off their place."""
    template = Template((0, 0), None, (field,))
    expected = drawn(template, area, scale)
    part = (MARGIN - 0.5, MARGIN - 0.5, field.box[2] + 1, field.box[3] + 1)
    (match,) = matches(straight_lines(dark, scale), expected, [part], scale, MAX_SHIFT, 0.2)
    return match.shift if match.score > MIN_BOX_SCORE else (0.0, 0.0)


def _ink(dark: Grey, field: Field, box: Rectangle, scale: float) -> Grey:
    """The darkness of a field where something is written: 0 on its lines, around it, and on specks."""
    thresholds = binarize(Image.fromarray(dark), "bright").thresholds
    if not thresholds:
        return np.zeros_like(dark)
    mask = dark > thresholds.edge
    left, top, width, height = box
    if field.boxes:
        uprights = [(line - field.box[0]) * scale + left for line in dividers(field)]
        mask = without_lines(dark, mask, (top, top + height), uprights, box, scale)
    _, found, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int64)
    away = np.abs(centres - (left + width / 2, top + height / 2))
    kept = np.asarray((away[:, 0] <= width / 2) & (away[:, 1] <= height / 2))
    kept[0] = False  # the paper
    if not (stats[kept, 2:4] >= MIN_DIGIT_SIZE * scale).any():
        return np.zeros_like(dark)
    return np.where(kept[labels], dark, 0).astype(np.uint8)


def read_line(crop: Crop, name: str, reader: Reader) -> Digits:
    """A field -> its digits, read as one line. name: the field's, for errors."""
    if not crop.ink.any():
        return Digits(())
    reading = reader.read(Image.fromarray(crop.ink), layout="line", ink="bright", name=f'the field "{name}"')
    found = [digit for line in reading.lines for digit in line.digits]
    # A digit's confidence is the probability that there is one, and this one.
    return Digits(tuple(_times(digit.probabilities, digit.confidence / max(digit.probabilities)) for digit in found))


def _times(row: tuple[float, ...], share: float) -> tuple[float, ...]:
    return tuple(share * value for value in row)


def read_boxes(crop: Crop, boxes: int, recognizer: Recognizer) -> Digits:
    """A field with printed boxes -> its digits, each box read by itself."""
    digits: list[NDArray[np.uint8]] = []
    filled: list[int] = []
    for number, ink in enumerate(_split(crop, boxes)):
        if _ink_length(ink) < MIN_DIGIT_SIZE * crop.scale:
            continue
        try:
            digits.append(prepare(ink, ink="bright"))
            filled.append(number)
        except NoInkError:
            continue
    if not digits:
        return Digits(())
    found = recognizer.predict_proba(np.stack(digits))
    return Digits(tuple(tuple(map(float, row)) for row in found), filled[-1] - filled[0] >= len(filled))


def _ink_length(ink: Grey) -> int:
    """The longer side of the box around all ink, in pixels."""
    box = ink_slices(ink)
    return max(side.stop - side.start for side in box) if box else 0


def _split(crop: Crop, boxes: int) -> list[Grey]:
    """The ink of each box. A stroke mostly in one box stays whole; one in two boxes is cut at the line between them."""
    left, _, width, _ = crop.box
    columns = np.arange(crop.ink.shape[1]) + 0.5
    cell = ((columns - left) * boxes / width).astype(int).clip(0, boxes - 1)
    count, found = cv2.connectedComponents((crop.ink > 0).astype(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int64)
    rows, places = np.nonzero(crop.ink)
    amount = np.zeros((count, boxes))
    np.add.at(amount, (labels[rows, places], cell[places]), 1)
    share = amount.max(axis=1) / np.maximum(amount.sum(axis=1), 1)
    home = amount.argmax(axis=1)
    owner = np.where(share[labels] >= MIN_BOX_SHARE, home[labels], cell[None])
    return [np.where(owner == number, crop.ink, 0).astype(np.uint8) for number in range(boxes)]
