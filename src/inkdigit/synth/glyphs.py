"""Pieces of ink at any size: digits drawn anew from MNIST's, letters, signs, scribbles and smudges.

A piece is an (h, w) uint8 array, 255 = full ink, cropped to its ink. The same generator state gives the same piece.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkdigit.synth.hershey import fonts
from inkdigit.synth.skeleton import Strokes, from_lines, from_mask

Piece = NDArray[np.uint8]
Line = NDArray[np.float32]  # (N, 2): x and y

FINE = 4  # pixels of a stroke's grid for each of MNIST's
MARGIN = 10  # pixels around the strokes on their grid
INKED = 112  # MNIST's grey level at the edge of a stroke
UNIT = 80  # pixels of the grid for the height of a letter or sign: that of MNIST's digits
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LOOK_ALIKES = frozenset("OoQDUIijlJSsZzBbqgGyYTt")  # letters that may pass for digits
CAPITAL = 0.72  # of a print font's size, about: a capital's height
PRINT_FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold"),
    *("DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmss10"),
)
FONTS = ("futural", "rowmans", "scripts", "cursive", "scriptc")  # Hershey's, those of single strokes


@dataclass(frozen=True)
class Hand:
    """A writer and a pen. Each glyph varies about it.

    width: of the pen, as a share of a digit's height: 0.03 is a fine ballpoint, 0.2 a marker. slant: how far the top
    leans to the right, as a share of the height. own: how much of the width is the digits' own, which varies along a
    stroke; the rest is the pen's, the same everywhere. aspect: how much wider than MNIST's digits. bend: how far points
    are out of place, as a share of the height.
    """

    width: float = 0.1
    slant: float = 0.0
    own: float = 0.3
    aspect: float = 1.0
    bend: float = 0.015


class Placed(NamedTuple):
    """A piece, and how far its first row is below the top of the digits beside it, in pixels; above it if negative."""

    ink: Piece
    top: int


def random_hand(rng: np.random.Generator) -> Hand:
    """A common pen and writer."""
    return Hand(
        width=float(np.exp(rng.uniform(np.log(0.05), np.log(0.15)))),
        slant=float(rng.normal(0.08, 0.15)),
        own=float(rng.uniform(0, 0.6)),
        aspect=float(np.exp(rng.normal(0, 0.12))),
        bend=float(rng.uniform(0.005, 0.025)),
    )


def digit(
    image: NDArray[np.uint8],
    height: int,
    hand: Hand,
    rng: np.random.Generator,
    *,
    broken: bool = False,
    crossed: bool = False,
) -> Piece:
    """One of MNIST's digits, (28, 28), about `height` pixels high.

    broken: with a small gap in a stroke. crossed: with a short bar through its middle, for sevens.
    """
    strokes = _traced(image)
    if crossed:
        strokes = _with_bar(strokes, rng)
    if broken:
        strokes = _with_gap(strokes, hand.width * UNIT, rng)
    turn = _turn(hand, rng, np.radians(rng.normal(0, 3)))
    reach = strokes.points @ turn[1]
    scale = height * (1 - hand.width) / max(float(np.ptp(reach)), UNIT / 4)
    return _cropped(_draw(strokes, turn, scale, height, hand, rng)[0])


def has_loop(image: NDArray[np.uint8]) -> bool:
    """Whether the ink of one of MNIST's digits, (28, 28), encloses paper: most eights do, open fours do not."""
    paper = np.pad((image < INKED).astype(np.uint8), 1, constant_values=1)
    count, _ = cv2.connectedComponents(paper, connectivity=4)
    return count > 2  # ink, the paper around, and what is enclosed


def letter(character: str, height: int, hand: Hand, rng: np.random.Generator) -> Placed:
    """A letter of LETTERS; `height` is that of a capital."""
    lines = [np.asarray(line, np.float32) for line in fonts()[str(rng.choice(FONTS))][character]]
    top = np.array([0, 12], np.float32)
    return _drawn([(_rounded(line) + top) * np.float32(UNIT / 21) for line in lines], height, hand, rng)


def printed(text: str, height: int, rng: np.random.Generator) -> Placed:
    """A word in print; `height` is that of a capital."""
    font = ImageFont.truetype(str(rng.choice(_print_fonts())), round(height / CAPITAL))
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    canvas = Image.new("L", (max(round(right - left), 1) + 2, max(round(bottom - top), 1) + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, fill=255, font=font, anchor="ls")
    return Placed(_cropped(np.asarray(canvas)), round(top) + height)


@cache
def _print_fonts() -> list[str]:
    """The files of text fonts that come with matplotlib, with and without serifs."""
    import matplotlib  # not there where nothing is trained; pages have no print

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [str(folder / f"{name}.ttf") for name in PRINT_FONTS]


def sign(character: str, height: int, hand: Hand, rng: np.random.Generator) -> Placed:
    """A sign of SIGNS; `height` is that of the digits beside it."""
    lines = [_rounded(np.asarray(line, np.float32) * UNIT) for line in SIGNS[character]]
    stretch = np.exp(rng.normal(0, 0.12, 2)).astype(np.float32)
    return _drawn([line * stretch for line in lines], height, hand, rng)


def scribble(height: int, hand: Hand, rng: np.random.Generator) -> Piece:
    """A curve that means nothing, about `height` pixels high: loops, zigzags, a flourish."""
    kind = rng.integers(3)
    count = int(rng.integers(6, 16))
    if kind == 0:  # a walk, as a flourish
        knots = rng.uniform(0, 1, (count, 2)) * (rng.uniform(0.6, 2.5), 1)
    else:  # a row of loops or of zigzags
        time = np.arange(count) * (0.9 if kind == 1 else np.pi / 2)
        knots = np.stack([time * rng.uniform(0.05, 0.2) + 0.3 * np.cos(time), 0.5 + 0.5 * np.sin(time * 1.7)], 1)
        knots += rng.normal(0, 0.06, knots.shape)
    line = _rounded((knots * UNIT).astype(np.float32), times=4)
    return _drawn([line - line.min(0)], height, hand, rng).ink


def smudge(height: int, rng: np.random.Generator) -> Piece:
    """A soft faint spot about `height` pixels high, as of a wet finger or a fingerprint of graphite."""
    width = max(int(height * rng.uniform(0.7, 2.2)), 4)
    size = (width, max(height, 4))
    cloud = cv2.resize(rng.random((5, 6), np.float32), size, interpolation=cv2.INTER_CUBIC)
    y, x = np.ogrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    inside = np.clip(1.3 - 1.3 * np.hypot(x, y), 0, 1)
    strength = np.clip(cloud * inside, 0, 1) * rng.uniform(60, 150)
    return _cropped(strength.astype(np.uint8))


# Signs as lines in a digit's frame: x and y from 0 to 1 for its height, y = 1 the line that digits stand on.
SIGNS: dict[str, list[list[tuple[float, float]]]] = {
    ",": [[(0.06, 0.95), (0.07, 1.03), (0.04, 1.1), (-0.02, 1.18)]],
    ".": [[(0.0, 0.97), (0.02, 0.99)]],
    "-": [[(0.0, 0.55), (0.2, 0.54), (0.4, 0.53)]],
    "/": [[(0.0, 1.1), (0.2, 0.5), (0.42, -0.1)]],
    "=": [[(0.0, 0.42), (0.4, 0.4)], [(0.0, 0.65), (0.4, 0.63)]],
    "+": [[(0.0, 0.55), (0.5, 0.54)], [(0.25, 0.3), (0.25, 0.8)]],
    "(": [[(0.2, -0.08), (0.05, 0.2), (0.0, 0.5), (0.05, 0.8), (0.2, 1.08)]],
    ")": [[(0.0, -0.08), (0.15, 0.2), (0.2, 0.5), (0.15, 0.8), (0.0, 1.08)]],
    ":": [[(0.0, 0.42), (0.02, 0.44)], [(0.0, 0.86), (0.02, 0.88)]],
    "€": [
        [(0.62, 0.1), (0.45, 0.0), (0.25, 0.1), (0.14, 0.35), (0.14, 0.65), (0.25, 0.9), (0.45, 1.0), (0.62, 0.9)],
        [(0.0, 0.4), (0.5, 0.38)],
        [(0.0, 0.6), (0.48, 0.58)],
    ],
    "#": [
        [(0.2, 0.05), (0.1, 0.95)],
        [(0.5, 0.05), (0.4, 0.95)],
        [(0.0, 0.35), (0.6, 0.33)],
        [(0.0, 0.65), (0.6, 0.63)],
    ],
    "%": [
        [(0.6, 0.0), (0.05, 1.0)],
        [(0.1, 0.05), (0.2, 0.12), (0.15, 0.3), (0.02, 0.3), (0.0, 0.12), (0.1, 0.05)],
        [(0.55, 0.68), (0.66, 0.75), (0.62, 0.95), (0.48, 0.95), (0.45, 0.78), (0.55, 0.68)],
    ],
}


def _traced(image: NDArray[np.uint8]) -> Strokes:
    """The strokes of one of MNIST's digits on a finer grid."""
    side = image.shape[0] * FINE
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(large, (0, 0), FINE / 3).astype(np.float32)
    # What is darker than its surroundings counts as darker still, so that small loops are open and faint strokes whole.
    large += 1.2 * (large - cv2.GaussianBlur(large, (0, 0), 1.5 * FINE))
    mask = (large > min(INKED, large.max() // 2)).astype(np.uint8)
    return from_mask(np.pad(mask, MARGIN))


def _with_bar(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    x, y = strokes.points.T
    middle = float(y.min() + np.ptp(y) * rng.uniform(0.48, 0.6))
    centre = float(x[np.abs(y - middle) < 3].mean()) if np.any(np.abs(y - middle) < 3) else float(x.mean())
    half, tilt = rng.uniform(10, 18), rng.normal(0, 2)
    bar = np.array([(centre - half, middle + tilt), (centre + half, middle - tilt)], np.float32)
    added = from_lines([bar], (strokes.far.shape[0], strokes.far.shape[1]))
    return replace(
        strokes,
        far=np.minimum(strokes.far, added.far),
        own=np.minimum(strokes.own, added.far),
        points=np.concatenate([strokes.points, added.points]),
    )


def _with_gap(strokes: Strokes, pen: float, rng: np.random.Generator) -> Strokes:
    """Strokes with a gap across one of them, away from its ends; `pen` is its width on the grid."""
    points = strokes.points
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    # Where strokes meet there are more points around than in the middle of a stroke, at an end there are fewer.
    around = (apart < 12).sum(1)
    ends = (apart < 1.5).sum(1) == 2
    inner = points[(around > 17) & (around < 27) & (apart[ends] > 14 + pen / 2).all(0)]
    if not len(inner):
        return strokes
    centre = inner[rng.integers(len(inner))]
    near = points[np.linalg.norm(points - centre, axis=1) < 8] - centre
    along = np.linalg.svd(near - near.mean(0), full_matrices=False)[2][0]
    rows, columns = np.indices(strokes.far.shape, np.float32)
    x, y = columns - centre[0], rows - centre[1]
    half = rng.uniform(1.2, 3) + 0.1 * pen
    across = np.abs(x * along[0] + y * along[1])
    outside = pen / 2 + np.minimum(half - across, pen / 2 + 4 - np.hypot(x, y))
    far, own = np.maximum(strokes.far, outside), np.maximum(strokes.own, outside)
    return replace(strokes, far=far.astype(np.float32), own=own.astype(np.float32))


def _turn(hand: Hand, rng: np.random.Generator, angle: float) -> NDArray[np.float64]:
    """The 2x2 matrix that a glyph's points go through: wider or narrower, slanted, turned."""
    aspect = hand.aspect * np.exp(rng.normal(0, 0.06))
    lean = hand.slant + rng.normal(0, 0.04)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([(cos, -sin), (sin, cos)]) @ np.array([(1, -lean), (0, 1)]) @ np.diag([aspect, 1])


def _drawn(lines: list[Line], height: int, hand: Hand, rng: np.random.Generator) -> Placed:
    """Lines on a grid where a digit is UNIT high, drawn where a digit is `height` pixels high, its top at 0."""
    corner = np.min([line.min(0) for line in lines], axis=0) - MARGIN
    size = np.max([line.max(0) for line in lines], axis=0) - corner + MARGIN
    strokes = from_lines([line - corner for line in lines], (int(size[1]) + 1, int(size[0]) + 1))
    turn = _turn(hand, rng, np.radians(rng.normal(0, 2)))
    ink, top = _draw(strokes, turn, height / UNIT, height, hand, rng)
    # The grid's corner and the strokes' first row, both turned, say where a digit's top lies.
    start = (strokes.points @ turn[1]).min() + corner[1]
    rows = np.flatnonzero(ink.any(1))
    return Placed(_cropped(ink), round(start * height / UNIT - top + (rows[0] if rows.size else 0)))


def _draw(
    strokes: Strokes, turn: NDArray[np.float64], scale: float, height: int, hand: Hand, rng: np.random.Generator
) -> tuple[Piece, float]:
    """Ink of the strokes, turned, bent and enlarged by `scale`; `height` is that of a digit, in pixels.

    Returns a picture with some paper around the ink, and on which of its rows the strokes' first point lies.
    """
    pen = max(min(hand.width * height, 1.3 * strokes.room * scale), 0.9)
    turned = strokes.points @ turn.T * scale
    edge = pen / 2 + 3 * hand.bend * height + 2
    low, size = turned.min(0) - edge, np.ceil(np.ptp(turned, axis=0) + 2 * edge).astype(int) + 1
    width, rows = int(size[0]), int(size[1])
    knots = rng.normal(0, hand.bend * height, (4, 4, 2)).astype(np.float32)
    out = cv2.resize(knots, (width, rows), interpolation=cv2.INTER_CUBIC)
    out[..., 0] += np.arange(width, dtype=np.float32) + np.float32(low[0])
    out[..., 1] += np.arange(rows, dtype=np.float32)[:, None] + np.float32(low[1])
    maps = out @ (np.linalg.inv(turn).T / scale).astype(np.float32)
    own = min(hand.own, 3 * hand.width)  # a fine pen would break where a digit's own stroke is narrow
    field = strokes.far if strokes.own is strokes.far else strokes.far + np.float32(own) * (strokes.own - strokes.far)
    far = cv2.remap(field, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.clip(pen / 2 + 0.5 - far * np.float32(scale), 0, 1)
    return (cover * 255).astype(np.uint8), edge


def _cropped(ink: Piece) -> Piece:
    """What is inked, at least one pixel."""
    x, y, width, height = cv2.boundingRect((ink > 24).astype(np.uint8))
    return np.ascontiguousarray(ink[y : y + max(height, 1), x : x + max(width, 1)])


def _rounded(line: Line, times: int = 2) -> Line:
    """A line with its corners cut, as Chaikin does; its ends stay."""
    for _ in range(times):
        if len(line) < 3:
            break
        step = np.diff(line, axis=0) * np.float32(0.25)
        inner = np.stack([line[:-1] + step, line[1:] - step], 1).reshape(-1, 2)
        line = np.concatenate([line[:1], inner, line[-1:]], dtype=np.float32)
    return line
