"""The ten digits as strokes of a pen, in styles that are rare in MNIST: flagged ones, crossed sevens, open fours."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.normalize import normalize

Corners = NDArray[np.float64]  # (K, 2): x to the right, y down
Points = tuple[tuple[float, float], ...]
Style = tuple[Points, ...]  # strokes in the unit square, their corners rounded when drawn

SIDE = 60  # pixels of what is drawn
_ROUND = 3  # times that corners are cut off
_SUBPIXEL = 4  # bits

STYLES: tuple[tuple[Style, ...], ...] = (
    (  # 0: plain, struck through, closed with a flourish
        (((0.5, 0.0), (0.0, 0.1), (0.0, 0.9), (0.5, 1.1), (1.0, 0.9), (1.0, 0.1), (0.5, 0.0)),),
        (
            ((0.5, 0.0), (0.0, 0.1), (0.0, 0.9), (0.5, 1.1), (1.0, 0.9), (1.0, 0.1), (0.5, 0.0)),
            ((0.9, 0.05), (0.1, 0.95)),
        ),
        (((0.3, 0.1), (0.0, 0.2), (0.0, 0.9), (0.5, 1.1), (1.0, 0.8), (0.9, 0.1), (0.4, 0.0), (0.5, 0.3), (1.0, 0.15)),),
    ),
    (  # 1: a short flag, one to the foot, a base, a tail, a flag from the left, a loop
        (((0.1, 0.45), (0.6, 0.0), (0.6, 0.0), (0.55, 1.0)),),
        (((0.0, 0.7), (0.65, 0.0), (0.65, 0.0), (0.7, 1.0)),),
        (((0.0, 0.95), (0.7, 0.0), (0.7, 0.0), (0.6, 1.0)),),
        (((0.05, 0.4), (0.5, 0.0), (0.5, 0.0), (0.5, 1.0)), ((0.1, 1.0), (0.9, 1.0))),
        (((0.0, 0.6), (0.5, 0.3), (0.65, 0.0), (0.6, 0.2), (0.5, 0.9), (0.75, 1.0), (0.95, 0.9)),),
        (((0.0, 0.3), (0.45, 0.25), (0.55, 0.0), (0.55, 0.0), (0.55, 1.0)),),
        (((0.0, 0.8), (0.6, 0.4), (0.7, 0.05), (0.45, 0.0), (0.5, 0.4), (0.55, 1.0)),),
    ),
    (  # 2: with a flat base, with a loop, as a Z, with a curl and a wave, as old hands wrote it
        (((0.05, 0.25), (0.3, 0.0), (0.9, 0.0), (0.9, 0.4), (0.3, 0.8), (0.0, 1.0), (0.0, 1.0), (1.0, 1.0)),),
        (((0.1, 0.2), (0.4, -0.1), (0.9, 0.1), (0.8, 0.5), (0.1, 1.0), (0.0, 0.75), (0.4, 0.8), (0.7, 1.0), (1.0, 0.9)),),
        (((0.05, 0.1), (0.6, 0.0), (0.95, 0.05), (0.05, 1.0), (0.05, 1.0), (0.95, 0.95)),),
        (((0.4, 0.3), (0.2, 0.1), (0.6, -0.1), (0.9, 0.2), (0.5, 0.7), (0.0, 1.0), (0.3, 0.8), (0.7, 1.05), (0.95, 0.85)),),
        (((0.5, 0.35), (0.25, 0.3), (0.35, 0.0), (0.8, 0.0), (0.8, 0.4), (0.3, 0.8), (0.0, 0.9), (0.4, 0.8), (0.5, 1.0)),),
        (((0.3, 0.3), (0.45, 0.0), (0.9, 0.0), (0.6, 0.5), (0.0, 0.85), (0.2, 0.65), (0.45, 0.75), (0.55, 1.05), (0.8, 0.95)),),
    ),
    (  # 3: round, with a flat top, with a loop in the middle, with a ball at its end
        (((0.1, 0.1), (0.8, -0.1), (0.9, 0.4), (0.35, 0.45), (1.0, 0.5), (0.9, 1.1), (0.0, 0.95)),),
        (((0.1, 0.0), (0.9, 0.0), (0.9, 0.0), (0.4, 0.4), (0.4, 0.4), (1.0, 0.5), (0.8, 1.1), (0.0, 0.9)),),
        (((0.1, 0.1), (0.8, -0.1), (0.9, 0.4), (0.3, 0.55), (0.35, 0.4), (0.95, 0.55), (0.8, 1.1), (0.0, 1.0)),),
        (((0.1, 0.15), (0.7, -0.1), (0.9, 0.25), (0.4, 0.42), (0.95, 0.5), (0.9, 1.05), (0.3, 1.1), (0.1, 0.9), (0.3, 0.85)),),
    ),
    (  # 4: open, in one stroke, as a hook, with a short stem, upright, closed, leaning
        (((0.4, 0.0), (0.05, 0.6), (0.05, 0.6), (1.0, 0.6)), ((0.7, 0.25), (0.65, 1.0))),
        (((0.5, 0.0), (0.05, 0.6), (0.05, 0.6), (0.75, 0.6), (0.75, 0.6), (0.7, 1.0)),),
        (((0.6, 0.0), (0.1, 0.55), (0.1, 0.6), (0.85, 0.6), (0.85, 0.45), (0.7, 1.0)),),
        (((0.55, 0.0), (0.05, 0.6), (0.05, 0.65), (0.95, 0.65)), ((0.9, 0.45), (0.75, 0.7), (0.75, 1.0))),
        (((0.1, 0.0), (0.1, 0.5), (0.1, 0.5), (0.8, 0.5), (0.8, 0.5)), ((0.8, 0.0), (0.8, 1.0))),
        (((0.75, 1.0), (0.75, 0.0), (0.75, 0.0), (0.05, 0.65), (0.05, 0.65), (1.0, 0.65)),),
        (((0.3, 0.0), (0.1, 0.5), (0.1, 0.5), (0.7, 0.4)), ((0.95, 0.0), (0.25, 1.0))),
    ),
    (  # 5: angular, with its flag apart, as an S
        (((0.9, 0.0), (0.2, 0.0), (0.2, 0.0), (0.15, 0.45), (0.15, 0.45), (1.0, 0.3), (0.95, 1.05), (0.0, 0.95)),),
        (((0.25, 0.1), (0.15, 0.45), (0.15, 0.45), (0.9, 0.35), (0.85, 1.05), (0.0, 0.95)), ((0.3, 0.05), (1.0, 0.0))),
        (((1.0, 0.0), (0.3, 0.05), (0.1, 0.35), (0.7, 0.4), (0.9, 0.8), (0.5, 1.05), (0.0, 0.95)),),
    ),
    (  # 6: upright, bent over at the top, with a loop that stands apart
        (((0.7, 0.0), (0.1, 0.3), (0.0, 1.0), (0.6, 1.1), (0.95, 0.8), (0.6, 0.5), (0.1, 0.7)),),
        (((1.0, 0.05), (0.4, -0.05), (0.05, 0.3), (0.0, 0.95), (0.5, 1.1), (1.0, 0.9), (0.9, 0.5), (0.4, 0.5), (0.1, 0.65)),),
        (((0.9, 0.15), (0.5, -0.1), (0.0, 0.3), (0.1, 1.1), (0.9, 1.05), (0.8, 0.6), (0.45, 0.65), (0.4, 0.85)),),
    ),
    (  # 7: crossed, with a hook, curved, crossed low, with a wave
        (((0.05, 0.0), (0.95, 0.0), (0.95, 0.0), (0.5, 0.5), (0.35, 1.0)), ((0.15, 0.5), (0.9, 0.45))),
        (((0.05, 0.2), (0.05, 0.0), (0.05, 0.0), (0.9, 0.0), (0.9, 0.0), (0.3, 1.0)),),
        (((0.0, 0.1), (0.4, 0.0), (0.9, 0.1), (0.6, 0.4), (0.5, 1.0)), ((0.2, 0.55), (0.95, 0.5))),
        (((0.1, 0.1), (0.4, 0.0), (0.8, 0.05), (0.6, 0.4), (0.2, 1.0)), ((0.0, 0.6), (1.0, 0.6))),
        (((0.0, 0.2), (0.2, 0.0), (0.6, 0.15), (0.95, 0.0), (0.95, 0.0), (0.2, 1.0)), ((0.2, 0.55), (0.8, 0.45))),
    ),
    (  # 8: an S and back, open at the top, a ribbon, two rings
        (((0.8, 0.1), (0.4, -0.1), (0.0, 0.3), (0.9, 0.6), (0.9, 1.1), (0.0, 1.1), (0.1, 0.6), (0.9, 0.3), (0.8, 0.05)),),
        (((0.7, 0.05), (0.2, 0.0), (0.1, 0.35), (0.9, 0.6), (0.7, 1.1), (0.0, 1.05), (0.2, 0.6), (0.7, 0.4), (1.0, 0.0)),),
        (((0.95, 0.0), (0.85, 0.35), (0.1, 0.6), (0.1, 1.05), (0.6, 1.0), (0.6, 0.6), (0.2, 0.3), (0.55, 0.0)),),
        (
            ((0.5, 0.0), (0.1, 0.0), (0.1, 0.45), (0.5, 0.5), (0.9, 0.45), (0.9, 0.0), (0.5, 0.0)),
            ((0.5, 0.5), (0.0, 0.5), (0.0, 1.1), (0.5, 1.0), (1.0, 1.1), (1.0, 0.5), (0.5, 0.5)),
        ),
    ),
    (  # 9: straight, bent, on a base; from the right, leaning, with a long tail, as a P; narrow, as an S
        (((0.8, 0.15), (0.3, -0.1), (0.0, 0.4), (0.5, 0.6), (0.8, 0.15), (0.8, 0.15), (0.75, 1.0)),),
        (((0.85, 0.2), (0.4, -0.1), (0.0, 0.4), (0.6, 0.55), (0.85, 0.1), (0.95, 0.8), (0.6, 1.05), (0.1, 0.95)),),
        (((0.8, 0.2), (0.4, -0.1), (0.1, 0.4), (0.6, 0.5), (0.8, 0.1), (0.85, 0.8), (0.7, 1.0), (0.6, 1.0), (0.0, 1.0)),),
        (((0.8, 0.05), (0.2, -0.05), (0.2, 0.5), (0.7, 0.45), (0.8, 0.1), (0.8, 0.1), (0.9, 0.85), (0.4, 1.0), (0.0, 0.95)),),
        (((0.7, 0.3), (0.3, 0.5), (0.1, 0.3), (0.6, -0.1), (0.95, 0.1), (0.6, 0.6), (0.1, 1.0)),),
        (((0.9, 0.1), (0.3, 0.0), (0.2, 0.4), (0.9, 0.4), (0.9, 0.1), (0.5, 0.1), (0.7, 0.5), (0.95, 0.9), (0.5, 1.05), (0.0, 1.0)),),
        (((0.35, 0.45), (0.9, 0.4), (0.95, 0.0), (0.5, -0.05), (0.4, 0.3), (0.3, 1.0)),),
        (((0.9, 0.1), (0.5, 0.05), (0.3, 0.35), (0.6, 0.4), (0.95, 0.05), (0.95, 0.05), (0.0, 1.0)),),
        (((0.35, 0.4), (0.95, 0.3), (0.9, -0.15), (0.1, -0.1), (0.2, 0.35), (0.95, 0.65), (0.8, 1.05), (0.0, 1.0)),),
    ),
)  # fmt: skip


def write(digits: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Digits (N,), each in a style drawn at random with its corners out of place, as MNIST has them: (N, 28, 28) uint8.
    """
    return np.stack([_written(STYLES[digit], rng) for digit in digits]) if len(digits) else np.empty((0, 28, 28), np.uint8)


def _written(styles: tuple[Style, ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    turn, wobble = np.radians(rng.normal(0, 6)), rng.uniform(0.01, 0.07)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    strokes = [np.array(stroke) - 0.5 for stroke in styles[rng.integers(len(styles))]]
    placed = [(stroke + rng.normal(0, wobble, stroke.shape)) @ matrix for stroke in strokes]
    picture = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    size = SIDE * np.exp(rng.normal((-0.25, 0), 0.15))  # narrower than high
    draw(picture, [rounded(stroke) * size + SIDE for stroke in placed], round(SIDE * rng.uniform(0.06, 0.18)))
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    return normalize(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def draw(picture: NDArray[np.uint8], strokes: list[Corners], width: int) -> None:
    """Draw strokes into a picture, with a round pen of so many pixels."""
    corners = [np.rint(stroke * (1 << _SUBPIXEL)).astype(np.int32)[:, None] for stroke in strokes]
    cv2.polylines(picture, corners, False, 255, width, cv2.LINE_AA, _SUBPIXEL)


def rounded(corners: Corners) -> Corners:
    """A stroke with its corners cut off, at a quarter of either side, again and again (Chaikin, 1974)."""
    for _ in range(_ROUND):
        first, second = corners[:-1], corners[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1).reshape(-1, 2)
        corners = np.concatenate([corners[:1], cut, corners[-1:]])
    return corners
