"""Pieces of ink at any size: digits redrawn from MNIST's, letters, signs, scribbles and smudges.

A piece is an (h, w) uint8 array, 255 = full ink, cropped to its ink. The same state of `rng` gives the same piece.
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
from inkdigit.synth.signs import SIGNS
from inkdigit.synth.skeleton import Strokes, from_lines, from_mask

Piece = NDArray[np.uint8]
Line = NDArray[np.float32]  # (N, 2): x and y

GRID_SCALE = 4  # pixels of the grid on which strokes are traced, for each of MNIST's
GRID_MARGIN = 10  # pixels around the strokes on their grid
EDGE_LEVEL = 112  # MNIST's grey level at the edge of a stroke
GLYPH_HEIGHT = 80  # of a letter or sign on the grid, in pixels: as high as MNIST's digits
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGIT_LIKE_LETTERS = frozenset("OoQDUIijlJSsZzBbqgGyYTt")  # letters that look like digits
CAPITAL_SHARE = 0.72  # a capital's height as a share of a print font's size, about
PRINT_FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold"),
    *("DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmss10"),
)
STROKE_FONTS = ("futural", "rowmans", "scripts", "cursive", "scriptc")  # Hershey's fonts of single strokes


@dataclass(frozen=True)
class Hand:
    """A writer and a pen. Each glyph varies about these values.

    Attributes:
        width: of the pen, as a share of a digit's height: 0.03 is a fine ballpoint, 0.2 a marker.
        slant: how far the top leans to the right, as a share of the height.
        natural_width: how much of a stroke's width follows the MNIST image, where it varies along a stroke, 0 to 1; the
            rest is the pen's, the same everywhere.
        aspect: how much wider than MNIST's digits, a factor.
        bend: how far points are out of place, as a share of the height.
    """

    width: float = 0.1
    slant: float = 0.0
    natural_width: float = 0.3
    aspect: float = 1.0
    bend: float = 0.015


class Placed(NamedTuple):
    """A piece and its height on the line.

    Attributes:
        ink: the piece.
        top: how many pixels its first row is below the top of the digits beside it; negative: above it.
    """

    ink: Piece
    top: int


def random_hand(rng: np.random.Generator) -> Hand:
    """A random hand, as common pens and writers have it."""
    return Hand(
        width=float(np.exp(rng.uniform(np.log(0.05), np.log(0.15)))),
        slant=float(rng.normal(0.08, 0.15)),
        natural_width=float(rng.uniform(0, 0.6)),
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
    """Redraw one of MNIST's digits.

    Args:
        image: (28, 28) uint8.
        height: of the piece, in pixels, about.
        hand: who writes, and with what.
        rng: draws what varies.
        broken: leave a small gap in a stroke.
        crossed: put a short bar through its middle, for sevens.
    """
    strokes = _trace(image)
    if crossed:
        strokes = _add_bar(strokes, rng)
    if broken:
        strokes = _add_gap(strokes, hand.width * GLYPH_HEIGHT, rng)
    turn = _glyph_matrix(hand, rng, np.radians(rng.normal(0, 3)))
    reach = strokes.points @ turn[1]
    scale = height * (1 - hand.width) / max(float(np.ptp(reach)), GLYPH_HEIGHT / 4)
    return _crop(_draw(strokes, turn, scale, height, hand, rng)[0])


def has_loop(image: NDArray[np.uint8]) -> bool:
    """Whether the ink of an MNIST image, (28, 28) uint8, encloses paper: most eights do, open fours do not."""
    paper = np.pad((image < EDGE_LEVEL).astype(np.uint8), 1, constant_values=1)
    count, _ = cv2.connectedComponents(paper, connectivity=4)
    return count > 2  # ink, the paper around, and what is enclosed


def letter(character: str, height: int, hand: Hand, rng: np.random.Generator) -> Placed:
    """A letter of LETTERS, by hand; `height` is that of a capital, in pixels."""
    lines = [np.asarray(line, np.float32) for line in fonts()[str(rng.choice(STROKE_FONTS))][character]]
    top = np.array([0, 12], np.float32)
    return _draw_lines(
        [(_cut_corners(line) + top) * np.float32(GLYPH_HEIGHT / 21) for line in lines], height, hand, rng
    )


def printed(text: str, height: int, rng: np.random.Generator) -> Placed:
    """A word in print; `height` is that of a capital, in pixels."""
    font = ImageFont.truetype(str(rng.choice(_print_fonts())), round(height / CAPITAL_SHARE))
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    canvas = Image.new("L", (max(round(right - left), 1) + 2, max(round(bottom - top), 1) + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, fill=255, font=font, anchor="ls")
    return Placed(_crop(np.asarray(canvas)), round(top) + height)


@cache
def _print_fonts() -> list[str]:
    """The files of text fonts that come with matplotlib, with and without serifs."""
    import matplotlib  # an extra: only the line model's training needs print

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [str(folder / f"{name}.ttf") for name in PRINT_FONTS]


def sign(character: str, height: int, hand: Hand, rng: np.random.Generator) -> Placed:
    """A sign of SIGNS, by hand; `height` is that of the digits beside it, in pixels."""
    lines = [_cut_corners(np.asarray(line, np.float32) * GLYPH_HEIGHT) for line in SIGNS[character]]
    stretch = np.exp(rng.normal(0, 0.12, 2)).astype(np.float32)
    return _draw_lines([line * stretch for line in lines], height, hand, rng)


def scribble(height: int, hand: Hand, rng: np.random.Generator) -> Piece:
    """A meaningless curve about `height` pixels high: loops, zigzags or a flourish."""
    kind = rng.integers(3)
    count = int(rng.integers(6, 16))
    if kind == 0:  # a walk, as a flourish
        knots = rng.uniform(0, 1, (count, 2)) * (rng.uniform(0.6, 2.5), 1)
    else:  # a row of loops or of zigzags
        time = np.arange(count) * (0.9 if kind == 1 else np.pi / 2)
        knots = np.stack([time * rng.uniform(0.05, 0.2) + 0.3 * np.cos(time), 0.5 + 0.5 * np.sin(time * 1.7)], 1)
        knots += rng.normal(0, 0.06, knots.shape)
    line = _cut_corners((knots * GLYPH_HEIGHT).astype(np.float32), times=4)
    return _draw_lines([line - line.min(0)], height, hand, rng).ink


def smudge(height: int, rng: np.random.Generator) -> Piece:
    """A soft faint spot about `height` pixels high, as of a wet finger or a fingerprint of graphite."""
    width = max(int(height * rng.uniform(0.7, 2.2)), 4)
    size = (width, max(height, 4))
    cloud = cv2.resize(rng.random((5, 6), np.float32), size, interpolation=cv2.INTER_CUBIC)
    y, x = np.ogrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    inside = np.clip(1.3 - 1.3 * np.hypot(x, y), 0, 1)
    strength = np.clip(cloud * inside, 0, 1) * rng.uniform(60, 150)
    return _crop(strength.astype(np.uint8))


def _trace(image: NDArray[np.uint8]) -> Strokes:
    """The strokes of one of MNIST's digits on a finer grid."""
    side = image.shape[0] * GRID_SCALE
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(large, (0, 0), GRID_SCALE / 3).astype(np.float32)
    # Sharpened, so that small loops stay open and faint strokes whole.
    large += 1.2 * (large - cv2.GaussianBlur(large, (0, 0), 1.5 * GRID_SCALE))
    mask = (large > min(EDGE_LEVEL, large.max() // 2)).astype(np.uint8)
    return from_mask(np.pad(mask, GRID_MARGIN))


def _add_bar(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    x, y = strokes.points.T
    middle = float(y.min() + np.ptp(y) * rng.uniform(0.48, 0.6))
    centre = float(x[np.abs(y - middle) < 3].mean()) if np.any(np.abs(y - middle) < 3) else float(x.mean())
    half, tilt = rng.uniform(10, 18), rng.normal(0, 2)
    bar = np.array([(centre - half, middle + tilt), (centre + half, middle - tilt)], np.float32)
    added = from_lines([bar], (strokes.distance.shape[0], strokes.distance.shape[1]))
    return replace(
        strokes,
        distance=np.minimum(strokes.distance, added.distance),
        own_distance=np.minimum(strokes.own_distance, added.distance),
        points=np.concatenate([strokes.points, added.points]),
    )


def _add_gap(strokes: Strokes, pen: float, rng: np.random.Generator) -> Strokes:
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
    rows, columns = np.indices(strokes.distance.shape, np.float32)
    x, y = columns - centre[0], rows - centre[1]
    half = rng.uniform(1.2, 3) + 0.1 * pen
    across = np.abs(x * along[0] + y * along[1])
    outside = pen / 2 + np.minimum(half - across, pen / 2 + 4 - np.hypot(x, y))
    distance, own_distance = np.maximum(strokes.distance, outside), np.maximum(strokes.own_distance, outside)
    return replace(strokes, distance=distance.astype(np.float32), own_distance=own_distance.astype(np.float32))


def _glyph_matrix(hand: Hand, rng: np.random.Generator, angle: float) -> NDArray[np.float64]:
    """A glyph's 2x2 matrix: wider or narrower, slanted, turned."""
    aspect = hand.aspect * np.exp(rng.normal(0, 0.06))
    lean = hand.slant + rng.normal(0, 0.04)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([(cos, -sin), (sin, cos)]) @ np.array([(1, -lean), (0, 1)]) @ np.diag([aspect, 1])


def _draw_lines(lines: list[Line], height: int, hand: Hand, rng: np.random.Generator) -> Placed:
    """Lines on a grid where a digit is GLYPH_HEIGHT high, drawn where a digit is `height` pixels high, its top at 0."""
    corner = np.min([line.min(0) for line in lines], axis=0) - GRID_MARGIN
    size = np.max([line.max(0) for line in lines], axis=0) - corner + GRID_MARGIN
    strokes = from_lines([line - corner for line in lines], (int(size[1]) + 1, int(size[0]) + 1))
    turn = _glyph_matrix(hand, rng, np.radians(rng.normal(0, 2)))
    ink, top = _draw(strokes, turn, height / GLYPH_HEIGHT, height, hand, rng)
    # The grid's corner and the strokes' first row, both turned, say where a digit's top lies.
    start = (strokes.points @ turn[1]).min() + corner[1]
    rows = np.flatnonzero(ink.any(1))
    return Placed(_crop(ink), round(start * height / GLYPH_HEIGHT - top + (rows[0] if rows.size else 0)))


def _draw(
    strokes: Strokes, turn: NDArray[np.float64], scale: float, height: int, hand: Hand, rng: np.random.Generator
) -> tuple[Piece, float]:
    """Ink of the strokes, turned, bent and enlarged by `scale`; `height` is that of a digit, in pixels.

    Returns a picture with some paper around the ink, and on which of its rows the strokes' first point lies.
    """
    pen = max(min(hand.width * height, 1.3 * strokes.max_half_width * scale), 0.9)
    turned = strokes.points @ turn.T * scale
    edge = pen / 2 + 3 * hand.bend * height + 2
    low, size = turned.min(0) - edge, np.ceil(np.ptp(turned, axis=0) + 2 * edge).astype(int) + 1
    width, rows = int(size[0]), int(size[1])
    knots = rng.normal(0, hand.bend * height, (4, 4, 2)).astype(np.float32)
    out = cv2.resize(knots, (width, rows), interpolation=cv2.INTER_CUBIC)
    out[..., 0] += np.arange(width, dtype=np.float32) + np.float32(low[0])
    out[..., 1] += np.arange(rows, dtype=np.float32)[:, None] + np.float32(low[1])
    maps = out @ (np.linalg.inv(turn).T / scale).astype(np.float32)
    natural_width = min(
        hand.natural_width, 3 * hand.width
    )  # a fine pen would break where a digit's own stroke is narrow
    field = strokes.distance
    if strokes.own_distance is not strokes.distance:
        field = field + np.float32(natural_width) * (strokes.own_distance - strokes.distance)
    distance = cv2.remap(field, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.clip(pen / 2 + 0.5 - distance * np.float32(scale), 0, 1)
    return (cover * 255).astype(np.uint8), edge


def _crop(ink: Piece) -> Piece:
    """The part with ink, at least one pixel."""
    x, y, width, height = cv2.boundingRect((ink > 24).astype(np.uint8))
    return np.ascontiguousarray(ink[y : y + max(height, 1), x : x + max(width, 1)])


def _cut_corners(line: Line, times: int = 2) -> Line:
    """A line with its corners cut (Chaikin, 1974); its ends stay."""
    for _ in range(times):
        if len(line) < 3:
            break
        step = np.diff(line, axis=0) * np.float32(0.25)
        inner = np.stack([line[:-1] + step, line[1:] - step], 1).reshape(-1, 2)
        line = np.concatenate([line[:1], inner, line[-1:]], dtype=np.float32)
    return line
