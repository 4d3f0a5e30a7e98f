"""The ten digits as strokes of a pen, in styles that are rare in MNIST: flagged ones, crossed sevens, open fours."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.crop import ink_slices
from inkdigit.imaging.normalize import normalize

Corners = NDArray[np.float64]  # of a stroke, (K, 2): x to the right, y down

DRAWN_SIZE = 60  # pixels of a digit's box
CORNER_CUTS = 3  # times that corners are cut off
SUBPIXEL_BITS = 4  # of OpenCV's coordinates

# The styles of each digit. A style is strokes, separated by slashes; a stroke is corners x,y in hundredths of the
# digit's box. Corners are rounded when drawn, but a corner that is given twice stays sharp.
STYLES: tuple[tuple[str, ...], ...] = (
    (  # 0: plain, struck through, closed with a flourish
        "50,0 0,10 0,90 50,110 100,90 100,10 50,0",
        "50,0 0,10 0,90 50,110 100,90 100,10 50,0 / 90,5 10,95",
        "30,10 0,20 0,90 50,110 100,80 90,10 40,0 50,30 100,15",
    ),
    (  # 1: a short flag, one to the foot, a base, a tail, a flag from the left, a loop; narrow, bent over, with a flag
        "10,45 60,0 60,0 55,100",
        "0,70 65,0 65,0 70,100",
        "0,95 70,0 70,0 60,100",
        "5,40 50,0 50,0 50,100 / 10,100 90,100",
        "0,60 50,30 65,0 60,20 50,90 75,100 95,90",
        "0,30 45,25 55,0 55,0 55,100",
        "0,80 60,40 70,5 45,0 50,40 55,100",
        "33,25 52,0 62,0 58,50 48,100",
        "35,22 60,0 60,0 55,100",
        "30,30 55,0 55,0 50,100",
        "40,15 54,0 60,10 56,50 50,100",
    ),
    (  # 2: with a flat base, with a loop, as a Z, with a curl and a wave, as old hands wrote it, wide, low
        "5,25 30,0 90,0 90,40 30,80 0,100 0,100 100,100",
        "10,20 40,-10 90,10 80,50 10,100 0,75 40,80 70,100 100,90",
        "5,10 60,0 95,5 5,100 5,100 95,95",
        "40,30 20,10 60,-10 90,20 50,70 0,100 30,80 70,105 95,85",
        "50,35 25,30 35,0 80,0 80,40 30,80 0,90 40,80 50,100",
        "30,30 45,0 90,0 60,50 0,85 20,65 45,75 55,105 80,95",
        "30,50 0,20 30,-10 85,0 90,45 40,95 10,105 10,80 50,85 100,95",
        "5,20 40,-5 80,10 70,50 5,100 10,75 45,85 60,100 100,90",
    ),
    (  # 3: round, with a flat top, with a loop in the middle, with a ball at its end
        "10,10 80,-10 90,40 35,45 100,50 90,110 0,95",
        "10,0 90,0 90,0 40,40 40,40 100,50 80,110 0,90",
        "10,10 80,-10 90,40 30,55 35,40 95,55 80,110 0,100",
        "10,15 70,-10 90,25 40,42 95,50 90,105 30,110 10,90 30,85",
    ),
    (  # 4: open, in one stroke, as a hook, with a short stem, upright, closed, leaning, with a high stem
        "40,0 5,60 5,60 100,60 / 70,25 65,100",
        "50,0 5,60 5,60 75,60 75,60 70,100",
        "60,0 10,55 10,60 85,60 85,45 70,100",
        "55,0 5,60 5,65 95,65 / 90,45 75,70 75,100",
        "10,0 10,50 10,50 80,50 80,50 / 80,0 80,100",
        "75,100 75,0 75,0 5,65 5,65 100,65",
        "30,0 10,50 10,50 70,40 / 95,0 25,100",
        "60,0 0,65 0,65 90,58 / 62,0 62,0 75,100",
    ),
    (  # 5: angular, with its flag apart, as an S
        "90,0 20,0 20,0 15,45 15,45 100,30 95,105 0,95",
        "25,10 15,45 15,45 90,35 85,105 0,95 / 30,5 100,0",
        "100,0 30,5 10,35 70,40 90,80 50,105 0,95",
    ),
    (  # 6: upright, bent over at the top, with a loop that stands apart
        "70,0 10,30 0,100 60,110 95,80 60,50 10,70",
        "100,5 40,-5 5,30 0,95 50,110 100,90 90,50 40,50 10,65",
        "90,15 50,-10 0,30 10,110 90,105 80,60 45,65 40,85",
    ),
    (  # 7: crossed, with a hook, curved, crossed low, with a wave, as a t
        "5,0 95,0 95,0 50,50 35,100 / 15,50 90,45",
        "5,20 5,0 5,0 90,0 90,0 30,100",
        "0,10 40,0 90,10 60,40 50,100 / 20,55 95,50",
        "10,10 40,0 80,5 60,40 20,100 / 0,60 100,60",
        "0,20 20,0 60,15 95,0 95,0 20,100 / 20,55 80,45",
        "20,15 40,5 70,12 70,12 45,100 / 0,55 100,48",
        "0,25 25,0 60,12 100,-5 55,45 25,100 / 15,58 90,35",
    ),
    (  # 8: an S and back, open at the top, a ribbon, two rings
        "80,10 40,-10 0,30 90,60 90,110 0,110 10,60 90,30 80,5",
        "70,5 20,0 10,35 90,60 70,110 0,105 20,60 70,40 100,0",
        "95,0 85,35 10,60 10,105 60,100 60,60 20,30 55,0",
        "50,0 10,0 10,45 50,50 90,45 90,0 50,0 / 50,50 0,50 0,110 50,100 100,110 100,50 50,50",
    ),
    (  # 9: straight, bent, on a base; from the right, leaning, with a long tail, as a P; narrow, as an S; open,
        # as an e, struck through
        "80,15 30,-10 0,40 50,60 80,15 80,15 75,100",
        "85,20 40,-10 0,40 60,55 85,10 95,80 60,105 10,95",
        "80,20 40,-10 10,40 60,50 80,10 85,80 70,100 60,100 0,100",
        "80,5 20,-5 20,50 70,45 80,10 80,10 90,85 40,100 0,95",
        "70,30 30,50 10,30 60,-10 95,10 60,60 10,100",
        "90,10 30,0 20,40 90,40 90,10 50,10 70,50 95,90 50,105 0,100",
        "35,45 90,40 95,0 50,-5 40,30 30,100",
        "90,10 50,5 30,35 60,40 95,5 95,5 0,100",
        "35,40 95,30 90,-15 10,-10 20,35 95,65 80,105 0,100",
        "40,50 5,45 5,5 45,-10 90,5 85,45 70,100",
        "60,50 15,45 10,5 50,-10 90,10 80,50 55,100",
        "15,60 80,40 95,5 55,-10 25,30 30,80 50,105",
        "60,45 20,60 0,25 40,-10 100,10 95,55 50,60 / 65,20 45,105",
    ),
)


def draw_digits(digits: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw digits (N,) in rare styles, as images in MNIST's form: (N, 28, 28) uint8.

    Args:
        digits: from 0 to 9.
        rng: draws the style of each, and moves its corners.
    """
    drawn = [_draw_digit(digit, rng) for digit in digits.tolist()]
    return np.stack(drawn) if drawn else np.empty((0, 28, 28), np.uint8)


def _draw_digit(digit: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    styles = STYLES[digit]
    angle, wobble = np.radians(rng.normal(0, 6)), rng.uniform(0.01, 0.07)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    strokes = [stroke - 0.5 for stroke in _strokes(styles[rng.integers(len(styles))])]
    placed = [(stroke + rng.normal(0, wobble, stroke.shape)) @ rotation for stroke in strokes]
    size = DRAWN_SIZE * np.exp(rng.normal((-0.25, 0), 0.15))  # narrower than high
    rounded = [round_corners(stroke) * size + DRAWN_SIZE for stroke in placed]
    picture = np.zeros((2 * DRAWN_SIZE, 2 * DRAWN_SIZE), np.uint8)
    draw_strokes(picture, rounded, round(DRAWN_SIZE * rng.uniform(0.06, 0.18)))
    box = ink_slices(picture)
    return normalize(picture if box is None else picture[box])


@cache
def _strokes(style: str) -> list[Corners]:
    """Parse a style."""
    return [np.array([corner.split(",") for corner in stroke.split()], float) / 100 for stroke in style.split("/")]


def draw_strokes(picture: NDArray[np.uint8], strokes: list[Corners], width: int) -> None:
    """Draw strokes into a picture (H, W) with a round pen of a width in pixels; their corners are in pixels too."""
    corners = [np.rint(stroke * (1 << SUBPIXEL_BITS)).astype(np.int32)[:, None] for stroke in strokes]
    cv2.polylines(picture, corners, False, 255, width, cv2.LINE_AA, SUBPIXEL_BITS)


def round_corners(corners: Corners) -> Corners:
    """Round a stroke by cutting off its corners at a quarter of either side, several times (Chaikin, 1974)."""
    for _ in range(CORNER_CUTS):
        first, second = corners[:-1], corners[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1).reshape(-1, 2)
        corners = np.concatenate([corners[:1], cut, corners[-1:]])
    return corners
