"""What is printed on a form at known places, marks and boxes; and where a picture shows it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.forms.template import Field, Rectangle, Template
from inkdigit.imaging.page.paper import darkness, resize_by

LINE_WIDTH = 0.4  # mm, the assumed width of a box's lines
MAX_PIECE_LENGTH = 35.0  # mm: a longer row of boxes is looked for piece by piece, since paper is not flat
MIN_LINE_LENGTH = 3.0  # mm: strokes of digits are hardly ever straight for so long
ENOUGH_DARKNESS = 60  # 0 to 255, of print; what is darker counts no more

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Match:
    """Where something printed was found.

    Attributes:
        shift: x and y in mm from its expected place.
        score: its correlation with the picture, -1 to 1.
    """

    shift: tuple[float, float]
    score: float


def corners(template: Template) -> list[Rectangle]:
    """A template -> the squares of its marks, clockwise from the upper left one, which is hollow."""
    if not template.marks:
        return []
    (width, height), size, inset = template.page, template.marks.size, template.marks.inset
    right, bottom = width - inset - size, height - inset - size
    return [(x, y, size, size) for x, y in ((inset, inset), (right, inset), (right, bottom), (inset, bottom))]


def dividers(field: Field) -> list[float]:
    """A field -> the x of its vertical lines, in mm."""
    x, _, width, _ = field.box
    return [x + width * number / field.boxes for number in range(field.boxes + 1)] if field.boxes else []


def landmarks(template: Template) -> list[Rectangle]:
    """A template -> the parts of its page in which something is printed, with a margin, in mm."""
    parts = [_grown(square, 0.4 * square[2]) for square in corners(template)]
    for field in template.fields:
        if field.boxes:
            x, y, width, height = field.box
            pieces = math.ceil(width / MAX_PIECE_LENGTH)
            step = width / pieces
            parts += [_grown((x + step * piece, y, step, height), 1.0) for piece in range(pieces)]
    return parts


def _grown(part: Rectangle, margin: float) -> Rectangle:
    x, y, width, height = part
    return x - margin, y - margin, width + 2 * margin, height + 2 * margin


def drawn(template: Template, area: Rectangle, scale: float) -> Grey:
    """What an area of the page should look like, (H, W) uint8, print bright on 0, at `scale` pixels per mm."""
    fine = 4 * scale
    size = round(area[3] * scale), round(area[2] * scale)
    picture = np.zeros((4 * size[0], 4 * size[1]), np.uint8)

    def fill(x: float, y: float, width: float, height: float, value: int = 255) -> None:
        left, top = round((x - area[0]) * fine), round((y - area[1]) * fine)
        right, bottom = round((x + width - area[0]) * fine), round((y + height - area[1]) * fine)
        picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = value

    for number, square in enumerate(corners(template)):
        fill(*square)
        if number == 0:
            fill(*_grown(square, -square[2] / 4), value=0)
    for field in template.fields:
        if field.boxes:
            x, y, width, height = field.box
            for line in (y, y + height):
                fill(x - LINE_WIDTH / 2, line - LINE_WIDTH / 2, width + LINE_WIDTH, LINE_WIDTH)
            for line in dividers(field):
                fill(line - LINE_WIDTH / 2, y, LINE_WIDTH, height)
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def paper_darkness(grey: Grey, scale: float, widest: float) -> Grey:
    """A picture of paper -> how much darker than the paper each pixel is, (H, W) uint8.

    Here the scale is known, and with it the width of print and strokes: one morphological closing finds the paper. It
    follows the edge of a shadow, as a mean would not.

    Args:
        grey: (H, W) uint8, dark on light.
        scale: pixels per mm.
        widest: mm; what is dark and wider is a shadow.
    """
    factor = max(1, round(scale / 4))
    small = resize_by(grey, 1 / factor)
    side = round(widest * scale / factor) | 1
    soft = cv2.GaussianBlur(small, (0, 0), 0.25 * scale / factor)
    paper = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    paper = cv2.GaussianBlur(paper, (0, 0), 0.4 * scale / factor)
    return darkness(grey, np.maximum(cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR), 1))


def straight_lines(dark: Grey, scale: float) -> Grey:
    """Of what is dark on paper, only horizontal and vertical lines, and areas, MIN_LINE_LENGTH long: no handwriting."""
    soft = cv2.GaussianBlur(dark, (0, 0), 0.15 * scale)
    side = round(MIN_LINE_LENGTH * scale)
    kernels = (np.ones(shape, np.uint8) for shape in ((1, side), (side, 1)))
    level, upright = (cv2.morphologyEx(soft, cv2.MORPH_OPEN, kernel) for kernel in kernels)
    # Pale print counts as much as black marks.
    return np.minimum(np.maximum(level, upright), ENOUGH_DARKNESS).astype(np.uint8)


def matches(
    seen: Grey, expected: Grey, parts: Sequence[Rectangle], scale: float, radius: float, blur: float
) -> Iterator[Match]:
    """Look for parts of a page near their places in a picture of the whole page; yields a match for each.

    Args:
        seen: (H, W) uint8, the picture, print bright.
        expected: (H, W) uint8, what it should show, as from `drawn`.
        parts: what to look for, in mm from the corner of both.
        scale: pixels per mm.
        radius: mm, how far from its place a part may be.
        blur: mm, the standard deviation by which both are blurred.
    """
    margin = round(radius * scale)
    soft, wanted = _blurred(seen, blur * scale), _blurred(expected, blur * scale)
    soft = cv2.copyMakeBorder(soft, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    for x, y, width, height in parts:
        left, top = max(round(x * scale), 0), max(round(y * scale), 0)
        patch = wanted[top : round((y + height) * scale), left : round((x + width) * scale)]
        window = soft[top : top + patch.shape[0] + 2 * margin, left : left + patch.shape[1] + 2 * margin]
        found = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
        found = np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)  # a plain window gives NaN
        row, column = np.unravel_index(int(found.argmax()), found.shape)
        peak_x = column + _between(found[row], int(column))
        peak_y = row + _between(found[:, column], int(row))
        shift = (float(peak_x - margin) / scale, float(peak_y - margin) / scale)
        yield Match(shift, min(float(found[row, column]), 1.0))


def _blurred(picture: Grey, sigma: float) -> Grey:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def _between(values: NDArray[np.float32], peak: int) -> float:
    """Where a parabola through a peak and its neighbours is highest: -0.5 to 0.5 pixels from the peak."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, after = map(float, values[peak - 1 : peak + 2])
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, (before - after) / (2 * bend)))
