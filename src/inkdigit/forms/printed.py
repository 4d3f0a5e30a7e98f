"""What is printed on a form at known places, marks and boxes, and where a picture shows it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.forms.template import Field, Rectangle, Template

LINE = 0.4  # mm, the width of a box's lines that is reckoned with
PIECE = 35.0  # mm: a longer row of boxes is looked for piece by piece, since paper is not flat

STRAIGHT = 3.0  # mm: strokes of digits are hardly straight for so long
PALE = 60  # darkness, 0 to 255, that is enough for print

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Match:
    """Where something printed was found. shift: mm off its place. score: its correlation with the picture, -1 to 1."""

    shift: tuple[float, float]
    score: float


def corners(template: Template) -> list[Rectangle]:
    """The squares of the marks, clockwise from the upper left one, which is hollow."""
    if not template.marks:
        return []
    (width, height), size, inset = template.page, template.marks.size, template.marks.inset
    right, bottom = width - inset - size, height - inset - size
    return [(x, y, size, size) for x, y in ((inset, inset), (right, inset), (right, bottom), (inset, bottom))]


def dividers(field: Field) -> list[float]:
    """Where along x a field's upright lines are, in mm."""
    x, _, width, _ = field.box
    return [x + width * number / field.boxes for number in range(field.boxes + 1)] if field.boxes else []


def landmarks(template: Template) -> list[Rectangle]:
    """The parts of the page in which something is printed, with a margin."""
    parts = [_grown(square, 0.4 * square[2]) for square in corners(template)]
    for field in template.fields:
        if field.boxes:
            x, y, width, height = field.box
            pieces = math.ceil(width / PIECE)
            step = width / pieces
            parts += [_grown((x + step * piece, y, step, height), 1.0) for piece in range(pieces)]
    return parts


def _grown(part: Rectangle, margin: float) -> Rectangle:
    x, y, width, height = part
    return x - margin, y - margin, width + 2 * margin, height + 2 * margin


def drawn(template: Template, area: Rectangle, scale: float) -> Grey:
    """What should be seen in an area of the page, (H, W) uint8, print bright on 0, at `scale` pixels a mm."""
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
                fill(x - LINE / 2, line - LINE / 2, width + LINE, LINE)
            for line in dividers(field):
                fill(line - LINE / 2, y, LINE, height)
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def darkness(grey: Grey, scale: float, widest: float) -> Grey:
    """A picture of paper, (H, W) uint8, at `scale` pixels a mm -> how much darker than the paper around it, 0 to 255.

    Light multiplies what paper reflects, so by the paper's brightness it is divided. widest: mm, of what is dark and
    no shadow. A closing follows the edge of a shadow, where a mean would not.
    """
    factor = max(1, round(scale / 4))
    small = cv2.resize(grey, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    side = round(widest * scale / factor) | 1
    soft = cv2.GaussianBlur(small, (0, 0), 0.25 * scale / factor)
    paper = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    paper = cv2.GaussianBlur(paper, (0, 0), 0.4 * scale / factor)
    paper = cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.rint(255 * (1 - grey / np.maximum(paper, 1)).clip(0, 1)).astype(np.uint8)


def straight(dark: Grey, scale: float) -> Grey:
    """Of what is dark on paper only level and upright lines, and areas, at least STRAIGHT mm long: not handwriting."""
    soft = cv2.GaussianBlur(dark, (0, 0), 0.15 * scale)
    side = round(STRAIGHT * scale)
    kernels = (np.ones(shape, np.uint8) for shape in ((1, side), (side, 1)))
    level, upright = (cv2.morphologyEx(soft, cv2.MORPH_OPEN, kernel) for kernel in kernels)
    # Pale print counts as much as black marks.
    return np.minimum(np.maximum(level, upright), PALE).astype(np.uint8)


def matches(
    seen: Grey, expected: Grey, parts: Sequence[Rectangle], scale: float, radius: float, blur: float
) -> Iterator[Match]:
    """Look for parts of the page near their places in a picture of the whole page.

    seen, expected: (H, W) uint8 of the same area, print bright, at `scale` pixels a mm. parts: in mm from their
    corner. radius: mm, how far off a part may be. blur: mm, the standard deviation both are softened by.
    """
    margin = round(radius * scale)
    soft, wanted = _softened(seen, blur * scale), _softened(expected, blur * scale)
    soft = cv2.copyMakeBorder(soft, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    for x, y, width, height in parts:
        left, top = max(round(x * scale), 0), max(round(y * scale), 0)
        patch = wanted[top : round((y + height) * scale), left : round((x + width) * scale)]
        window = soft[top : top + patch.shape[0] + 2 * margin, left : left + patch.shape[1] + 2 * margin]
        found = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
        found = np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)  # of a plain window
        row, column = np.unravel_index(int(found.argmax()), found.shape)
        peak_x = column + _between(found[row], int(column))
        peak_y = row + _between(found[:, column], int(row))
        shift = (float(peak_x - margin) / scale, float(peak_y - margin) / scale)
        yield Match(shift, min(float(found[row, column]), 1.0))


def _softened(picture: Grey, sigma: float) -> Grey:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def _between(values: NDArray[np.float32], peak: int) -> float:
    """Where a parabola through a peak and its neighbours is highest, from -0.5 to 0.5 of a pixel off."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, after = map(float, values[peak - 1 : peak + 2])
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, (before - after) / (2 * bend)))
