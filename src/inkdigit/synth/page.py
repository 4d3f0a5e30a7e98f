"""Pages and lines of handwriting with their labels: digits written on a canvas, put on paper, seen by a camera."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.synth import camera, layout, paper
from inkdigit.synth.hardships import choose_hardships
from inkdigit.synth.layout import ORIENTATION_DIGITS, Line, Pool
from inkdigit.synth.paper import Canvas, Colour
from inkdigit.synth.sheet import Sheet

CANVAS_MARGIN = (
    0.25  # how much wider the canvas is than the page, on each side, for what a turned camera sees beside it
)


@dataclass(frozen=True)
class Digit:
    """A digit of a page.

    Attributes:
        digit: 0 to 9.
        box: x, y, width, height of its ink in the picture.
        source: the row of its image in the pool.
    """

    digit: int
    box: tuple[int, int, int, int]
    source: int


@dataclass(frozen=True)
class Page:
    """A picture and its labels.

    Attributes:
        picture: (H, W, 3) uint8, RGB.
        lines: from top to bottom as the page was written, the digits of each from left to right. Boxes are those of
            the picture, also where the page lies on its side. Signs, letters and smudges are in no line.
        hardships: what the page has.
    """

    picture: NDArray[np.uint8]
    lines: tuple[tuple[Digit, ...], ...]
    hardships: frozenset[str]

    @property
    def text(self) -> str:
        """The digits, a line of text for each line."""
        return "\n".join("".join(str(digit.digit) for digit in line) for line in self.lines)


def synthesize_page(
    images: NDArray[np.uint8], labels: NDArray[np.integer], names: Iterable[str], rng: np.random.Generator
) -> Page:
    """Write a page of 1 to 8 lines of 1 to 12 random digits. The same state of `rng` gives the same page.

    Args:
        images: (N, 28, 28) uint8, the digits to write with.
        labels: (N,), theirs.
        names: of HARDSHIPS: the page gets all of them (of those that exclude each other, one); "all": a random mixture.
        rng: draws everything.

    Raises:
        InkdigitError: `hardship-unknown`.
    """
    hardships = choose_hardships(names, rng)
    pool = Pool(images, labels)
    width = round(np.exp(rng.uniform(np.log(600), np.log(1800))))
    if "mixed-sizes" in hardships:
        width = round(rng.uniform(1400, 2500))
    sheet = Sheet(pool, hardships, rng)
    sheet.fill(width)
    return _photograph(sheet, tight=False)


def synthesize_line(
    images: NDArray[np.uint8], labels: NDArray[np.integer], names: Iterable[str], rng: np.random.Generator
) -> Page:
    """Write one line of 1 to 12 digits, cropped closely; else as `synthesize_page`."""
    hardships = choose_hardships(names, rng)
    sheet = Sheet(Pool(images, labels), hardships, rng)
    sheet.fill_line(round(np.exp(rng.uniform(np.log(16), np.log(250)))))
    return _photograph(sheet, tight=True)


def _photograph(sheet: Sheet, *, tight: bool) -> Page:
    """A sheet -> the picture that a camera takes of it, with its labels."""
    hardships, rng = sheet.hardships, sheet.rng
    offset, matrix, size = _view(sheet, tight=tight)
    layers = [(_warp(strength, matrix, size), colour) for strength, colour in _layers(sheet, offset)]
    shape = size[1], size[0]
    picture = paper.sheet(shape, paper.paper_colour(hardships, rng), rng)
    for strength, colour in layers:
        alpha = strength.astype(np.float32)[..., None] / 255
        picture += (np.array(colour, np.float32) - picture) * alpha
    picture *= camera.light(shape, hardships, rng)
    levels = camera.expose(picture, sheet.smallest, hardships, rng)
    lines = tuple(_digits_of(line, sheet.pool, offset, matrix) for line in sheet.lines)
    return Page(levels, lines, hardships)


def _view(sheet: Sheet, *, tight: bool) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, int]]:
    """The page's corner on the canvas, the homography from canvas to picture, and the picture's width and height."""
    hardships, rng = sheet.hardships, sheet.rng
    page = np.array(sheet.size, float)
    offset = np.ceil(CANVAS_MARGIN * page.max() * np.ones(2))
    about = np.eye(3)
    about[:2, 2] = -(offset + page / 2)
    matrix = _page_rotation(sheet) @ camera.view(sheet.size, hardships, rng) @ about
    half = np.abs(_project(matrix, np.array([offset, offset + page]))).mean(0)
    low, high = -half, half
    marks = [mark for line in sheet.lines for mark in line.marks if tight or mark.source is not None]
    if marks:
        ink = _project(matrix, np.concatenate([mark.hull for mark in marks]) + offset)
        height = min(line.height for line in sheet.lines)
        room = height * (rng.uniform(0.1, 0.5, 4) if tight else np.full(4, 0.3))
        if "near-border" in hardships:
            near = rng.random(4) < 0.6
            near[rng.integers(4)] = True
            room = np.where(near, rng.uniform(1, 5, 4), room)
        ink_low, ink_high = ink.min(0) - room[:2], ink.max(0) + room[2:]
        cut = np.full(4, tight) | ((room < 5.5) & ("near-border" in hardships))
        low = np.where(cut[:2], ink_low, np.minimum(low, ink_low))
        high = np.where(cut[2:], ink_high, np.maximum(high, ink_high))
    low = np.floor(low)
    shift = np.eye(3)
    shift[:2, 2] = -low
    wide, tall = np.ceil(high - low).astype(int).tolist()
    return offset, shift @ matrix, (wide, tall)


def _page_rotation(sheet: Sheet) -> NDArray[np.float64]:
    """The rotation of a page that lies on its side or, rarely, upside down, if its digits show which way up it is."""
    turn = np.eye(3)
    sources = [mark.source for line in sheet.lines for mark in line.marks if mark.source is not None]
    telling = sum(int(sheet.pool.labels[source]) in ORIENTATION_DIGITS for source in sources)
    if "sideways" in sheet.hardships and telling >= 2:
        quarters = int(sheet.rng.choice([1, 2, 3], p=[0.48, 0.04, 0.48] if telling >= 4 else [0.5, 0, 0.5]))
        cos, sin = [(0, 1), (-1, 0), (0, -1)][quarters - 1]
        turn[:2, :2] = [(cos, -sin), (sin, cos)]
    return turn


def _layers(sheet: Sheet, offset: NDArray[np.float64]) -> list[tuple[Canvas, Colour]]:
    """The layers on the paper from the lowest: strengths on the canvas, and the colour of each."""
    hardships, rng = sheet.hardships, sheet.rng
    x, y = offset
    shape = round(sheet.size[1] + 2 * y), round(sheet.size[0] + 2 * x)
    layers: list[tuple[Canvas, Colour]] = []
    if "show-through" in hardships:
        layers.append((_other_side(sheet, shape), (90, 90, 95)))
    printed = _print(sheet, shape, (float(x), float(y)))
    if printed is not None:
        light = (140, 150, 160) if "white-on-black" in hardships else _PRINT_COLOURS[rng.integers(len(_PRINT_COLOURS))]
        share = rng.uniform(0.35, 0.75) if "printed-boxes" not in hardships else rng.uniform(0.6, 1)
        layers.append(((printed * share).astype(np.uint8), light))
    colour = paper.ink_colour(hardships, rng)
    if sheet.spots:
        spots = np.zeros(shape, np.uint8)
        layout.paint((mark.moved(x, y) for mark in sheet.spots), spots)
        layers.append((spots, colour))
    ink = np.zeros(shape, np.uint8)
    for line in [*sheet.lines, *sheet.others]:
        layout.paint(line.moved(x, y).marks, ink)
    layers.append((_with_pressure(ink, sheet), colour))
    return layers


_PRINT_COLOURS: tuple[Colour, ...] = (
    (120, 150, 200),
    (150, 150, 155),
    (110, 170, 190),
    (190, 140, 150),
    (100, 110, 140),
)


def _print(sheet: Sheet, shape: tuple[int, int], offset: tuple[float, float]) -> Canvas | None:
    """What is printed on the paper, if anything."""
    hardships, rng = sheet.hardships, sheet.rng
    if hardships.intersection(("ruled-paper", "squared-paper", "dotted-paper")):
        first = offset[0] + sheet.first[0], offset[1] + sheet.first[1]
        return paper.rules(shape, first, sheet.pitch, hardships, rng)
    if "printed-boxes" in hardships:
        places = [box for line in sheet.lines for box in line.moved(*offset).boxes]
        return paper.boxes(shape, places, rng)
    if "patterned-paper" in hardships:
        return (paper.pattern(shape, sheet.pitch * rng.uniform(0.3, 0.6), rng) * 0.7).astype(np.uint8)
    return None


def _other_side(sheet: Sheet, shape: tuple[int, int]) -> Canvas:
    """Writing on the other side of the paper: mirrored, faint and soft."""
    rng = sheet.rng
    canvas = np.zeros(shape, np.uint8)
    height = round(sheet.pitch)
    for y in range(2 * height, shape[0], round(height * rng.uniform(1.7, 3))):
        rows = sheet.pool.draw(int(rng.integers(3, 13)), frozenset(), rng)
        number = layout.write(sheet.pool, rows, height, sheet.hand, frozenset(), rng)
        line = number if rng.random() < 0.5 else layout.words(height, sheet.hand, rng)
        layout.paint(line.moved(rng.uniform(0, 0.5) * shape[1], y).marks, canvas)
    soft = cv2.GaussianBlur(canvas[:, ::-1], (0, 0), 0.02 * height + 0.8)
    return (soft * rng.uniform(0.15, 0.3)).astype(np.uint8)


def _with_pressure(ink: Canvas, sheet: Sheet) -> Canvas:
    """The ink with the pressure of the pen, which varies; a pencil's is grainy."""
    shape = (ink.shape[0], ink.shape[1])
    pressure = np.clip(1 - np.abs(paper.clouds(shape, 16, sheet.rng)) * np.float32(0.1), 0.6, 1)
    if "pencil" in sheet.hardships:
        pressure *= np.clip(0.82 + 0.2 * paper.grains(shape, 0.8, sheet.rng), 0.3, 1)
    return (ink * pressure).astype(np.uint8)


def _warp(strength: Canvas, matrix: NDArray[np.float64], size: tuple[int, int]) -> Canvas:
    return np.asarray(cv2.warpPerspective(strength, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def _project(matrix: NDArray[np.float64], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Points (N, 2) -> where a homography maps them."""
    flat = np.concatenate([points, np.ones((len(points), 1))], 1) @ matrix.T
    return flat[:, :2] / flat[:, 2:]


def _digits_of(line: Line, pool: Pool, offset: NDArray[np.float64], matrix: NDArray[np.float64]) -> tuple[Digit, ...]:
    digits: list[Digit] = []
    for mark in line.marks:
        if mark.source is not None:
            corners = _project(matrix, mark.hull + offset)
            low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + 1
            x, y, width, height = *low.tolist(), *(high - low).tolist()
            digits.append(Digit(int(pool.labels[mark.source]), (x, y, width, height), mark.source))
    return tuple(digits)
