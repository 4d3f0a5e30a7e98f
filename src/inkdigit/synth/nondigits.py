"""Random images that are not digits: letters and signs, scribbles, hatchings, spots, digits that run together."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.crop import ink_slices
from inkdigit.imaging.normalize import normalize
from inkdigit.synth.hershey import fonts
from inkdigit.training.augment.rare_styles import draw_strokes, round_corners

CANVAS_SIZE = 144  # pixels of the picture that is drawn on
SHAPE_SIZE = 90  # pixels of what is drawn
INK_LEVEL = 64  # grey level from which a pixel is ink
# Hershey's fonts of single strokes, as a pen writes; most of the others are of print, and drawn in outline.
PLAIN_FONTS = ("futural", "rowmans", "cursive", "scripts", "greek", "greeks", "japanese", "cyrillic")
PLAIN_FONT_SHARE = 0.7  # share of letters from these
# A reader takes these for digits, in whichever alphabet.
DIGIT_LIKE = set("0123456789OoDQIilLjJSsZzgqbBG|!.,'`\"()[]/\\ ")

Picture = NDArray[np.uint8]
Strokes = list[NDArray[np.float64]]  # each (K, 2): x and y of its corners, in pixels


def non_digits(count: int, digits: Picture, rng: np.random.Generator) -> Picture:
    """`count` images as MNIST's, (count, 28, 28) uint8. `digits`: (N, 28, 28) uint8, from which some run together."""
    pictures: list[Picture] = []
    while len(pictures) < count:
        drawn = _draw(digits, rng)
        box = ink_slices(drawn > INK_LEVEL)
        if box is not None:
            pictures.append(normalize(drawn[box]))
    return np.stack(pictures)


def _draw(digits: Picture, rng: np.random.Generator) -> Picture:
    kind = rng.random()
    if kind < 0.6:
        return _draw_with_pen(_bend(_letter(rng) if kind < 0.48 else _composed_letter(rng), rng), rng)
    if kind < 0.78:
        return _draw_with_pen(_scribble(rng), rng)
    if kind < 0.88:
        return _draw_with_pen(_lines(rng), rng)
    return _spots(rng) if kind < 0.93 else _touching_digits(digits, rng)


def _letter(rng: np.random.Generator) -> Strokes:
    glyphs = _glyphs()
    plain = rng.random() < PLAIN_FONT_SHARE
    font = glyphs[PLAIN_FONTS[rng.integers(len(PLAIN_FONTS))] if plain else list(glyphs)[rng.integers(len(glyphs))]]
    return font[rng.integers(len(font))]


def _composed_letter(rng: np.random.Generator) -> Strokes:
    """Two letters as one, or a few straight strokes, as letters of other alphabets look."""
    if rng.random() < 0.5:
        shrunk = np.array([0.5, 1.0] if rng.random() < 0.5 else [1.0, 0.5])
        aside = (1 - shrunk) * SHAPE_SIZE / 2
        middle = CANVAS_SIZE / 2
        return [(stroke - middle) * shrunk + middle + side * aside for side in (-1, 1) for stroke in _letter(rng)]
    strokes: Strokes = []
    for _ in range(rng.integers(3, 7)):
        along = np.array([(1, 0), (0, 1), (1, 1), (1, -1)][rng.choice(4, p=[0.4, 0.4, 0.1, 0.1])])
        middle = CANVAS_SIZE / 2 + rng.uniform(-SHAPE_SIZE / 2, SHAPE_SIZE / 2, 2) * (1 - 0.5 * np.abs(along))
        half = along * SHAPE_SIZE * rng.uniform(0.15, 0.5)
        strokes.append(
            np.stack([middle - half, middle + half]).clip(
                (CANVAS_SIZE - SHAPE_SIZE) / 2, (CANVAS_SIZE + SHAPE_SIZE) / 2
            )
        )
    return strokes


@cache
def _glyphs() -> dict[str, list[Strokes]]:
    """The letters and signs of each Hershey font, without those that look like digits, centred and SHAPE_SIZE large."""
    found: dict[str, list[Strokes]] = {}
    for font, letters in fonts().items():
        for letter, glyph in letters.items():
            strokes = [np.array(stroke, float) for stroke in glyph if len(stroke) > 1]
            if letter not in DIGIT_LIKE and strokes:
                points = np.concatenate(strokes)
                low, high = points.min(axis=0), points.max(axis=0)
                scale = SHAPE_SIZE / max((high - low).max(), 1)
                found.setdefault(font, []).append(
                    [(stroke - (low + high) / 2) * scale + CANVAS_SIZE / 2 for stroke in strokes]
                )
    return found


def _bend(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """The strokes as a hand might write them: turned, slanted, stretched, with corners out of place."""
    turn, slope = np.radians(rng.normal(0, 8)), rng.normal(0, 0.15)
    wide, high = np.exp(rng.normal(0, 0.15, 2))
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = np.array([[cos * wide, -sin], [sin + slope, cos * high]])
    wave, phase = rng.normal(0, 4, (2, 2)), rng.uniform(0, 2 * math.pi, (2, 2))
    bent: Strokes = []
    for stroke in strokes:
        points = (stroke - CANVAS_SIZE / 2) @ matrix
        points = points + wave[0] * np.sin(points[:, ::-1] / 25 + phase[0]) + wave[1] * np.sin(points / 40 + phase[1])
        bent.append(points + rng.normal(0, 2, 2) + rng.normal(0, 0.8, points.shape) + CANVAS_SIZE / 2)
    return bent


def _scribble(rng: np.random.Generator) -> Strokes:
    """A few strokes that wander, round or with corners."""
    strokes: Strokes = []
    for _ in range(rng.integers(1, 5)):
        corners = rng.uniform(CANVAS_SIZE * 0.15, CANVAS_SIZE * 0.85, (rng.integers(3, 9), 2))
        if rng.random() < 0.6:
            corners = round_corners(corners)
        strokes.append(corners)
    return strokes


def _lines(rng: np.random.Generator) -> Strokes:
    """A dash, parallel lines, a hatching or a grid."""
    strokes: Strokes = []
    base = rng.choice([0, 0, 0, math.pi / 2, rng.uniform(0, math.pi)])
    crossed = rng.random() < 0.4
    single = rng.random() < 0.2
    reach = rng.uniform(0.1, 0.5) * SHAPE_SIZE
    for turn in (base, base + rng.choice([math.pi / 2, rng.uniform(0.4, 2.7)])) if crossed else (base,):
        along = np.array([math.cos(turn), math.sin(turn)])
        aside = np.array([-along[1], along[0]])
        count = 1 if single and not crossed else rng.integers(2, 9)
        for place in np.linspace(-1, 1, count) if count > 1 else [0.0]:
            middle = CANVAS_SIZE / 2 + aside * place * reach + rng.normal(0, 1.5, 2)
            half = along * SHAPE_SIZE / 2 * rng.uniform(0.7, 1)
            strokes.append(np.stack([middle - half, middle + half]) + rng.normal(0, 2, (2, 2)))
    # One upright line is a one.
    return strokes if len(strokes) > 1 or abs(math.sin(base)) < 0.5 else _scribble(rng)


def _spots(rng: np.random.Generator) -> Picture:
    """Dots or a few large spots."""
    picture = np.zeros((CANVAS_SIZE, CANVAS_SIZE), np.uint8)
    few = rng.random() < 0.4
    for _ in range(rng.integers(1, 4) if few else rng.integers(3, 30)):
        x, y = (
            rng.integers(CANVAS_SIZE // 4, 3 * CANVAS_SIZE // 4, 2).tolist()
            if few
            else rng.integers(20, CANVAS_SIZE - 20, 2).tolist()
        )
        axes = rng.integers(8, 36, 2).tolist() if few else rng.integers(1, 6, 2).tolist()
        cv2.ellipse(picture, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 6 if few else 1)), np.uint8)


def _touching_digits(digits: Picture, rng: np.random.Generator) -> Picture:
    """Two or three digits side by side, near enough to touch."""
    rows: list[Picture] = []
    for number in rng.integers(len(digits), size=rng.choice([2, 2, 2, 3])):
        digit = digits[number]
        columns = np.flatnonzero((digit > INK_LEVEL).any(axis=0))
        if columns.size:
            rows.append(digit[:, max(columns[0] - rng.integers(0, 2), 0) : columns[-1] + 1])
    picture = np.concatenate(rows, axis=1)
    return np.asarray(cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8)


def _draw_with_pen(strokes: Strokes, rng: np.random.Generator) -> Picture:
    """Strokes drawn with a pen."""
    picture = np.zeros((CANVAS_SIZE, CANVAS_SIZE), np.uint8)
    draw_strokes(picture, strokes, int(rng.integers(3, 14)))
    return picture
