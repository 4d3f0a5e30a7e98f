"""Paper: its colour and grain, and what is printed on it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]  # red, green, blue, 0 to 255
Canvas = NDArray[np.uint8]  # (H, W) strength of ink or print, 255 = full

PAPERS: tuple[Colour, ...] = (
    (250, 235, 170),  # yellow notes
    (245, 205, 215),  # pink
    (190, 225, 245),  # light blue
    (200, 235, 200),  # light green
    (205, 175, 135),  # kraft paper
    (235, 222, 200),  # old paper
    (190, 190, 185),  # recycled
)
INKS: dict[str, tuple[Colour, ...]] = {
    "blue-ink": ((30, 50, 140), (45, 60, 165), (60, 85, 190), (25, 35, 95)),
    "red-ink": ((190, 35, 45), (165, 30, 50), (215, 60, 60)),
    "pencil": ((85, 85, 88), (105, 105, 108), (70, 70, 75)),
    "white-on-black": ((240, 240, 240), (225, 228, 220), (250, 235, 170)),
    "": ((25, 25, 30), (40, 40, 48), (60, 58, 60), (15, 15, 20)),
}


def paper_colour(hardships: frozenset[str], rng: np.random.Generator) -> Colour:
    """The colour of a page's paper."""
    if "white-on-black" in hardships:
        grey = rng.uniform(8, 60)
        tint = rng.choice([(0, 0, 0), (0, 14, 6), (0, 4, 14)])
        return _colour(grey + tint)
    if "coloured-paper" in hardships:
        return _colour(np.array(PAPERS[rng.integers(len(PAPERS))]) + rng.normal(0, 6, 3))
    return _colour(rng.uniform(225, 252) + rng.normal(0, 2.5, 3))


def ink_colour(hardships: frozenset[str], rng: np.random.Generator) -> Colour:
    """The colour of a page's ink."""
    name = next((name for name in INKS if name in hardships), "")
    return _colour(np.array(INKS[name][rng.integers(len(INKS[name]))]) + rng.normal(0, 6, 3))


def sheet(shape: tuple[int, int], colour: Colour, rng: np.random.Generator) -> NDArray[np.float32]:
    """Empty paper of a shape (H, W) -> (H, W, 3) float32, 0 to 255: a little cloudy, a little grainy."""
    grain = grains(shape, 0.7, rng) * np.float32(rng.uniform(0.3, 1.2)) + clouds(shape, 12, rng) * np.float32(1.2)
    return np.asarray(np.array(colour, np.float32) + grain[..., None], np.float32)


def grains(shape: tuple[int, int], size: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise (H, W) float32 with mean 0 and standard deviation 1; its grains are about `size` pixels wide."""
    # A tile, repeated, is far cheaper than a page of random numbers and looks no different.
    side = 512
    tile = cv2.GaussianBlur(rng.standard_normal((side, side), np.float32), (0, 0), size)
    tile /= tile.std()
    rows, columns = max(shape[0] - side, 0), max(shape[1] - side, 0)
    return cv2.copyMakeBorder(tile, 0, rows, 0, columns, cv2.BORDER_WRAP)[: shape[0], : shape[1]]


def clouds(shape: tuple[int, int], knots: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random field (H, W) float32, mean 0, spread about 1, through `knots` values along the longer side."""
    high, wide = (max(round(knots * side / max(shape)), 2) for side in shape)
    coarse = rng.standard_normal((high, wide), np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def rules(
    shape: tuple[int, int],
    first: tuple[float, float],
    pitch: float,
    hardships: frozenset[str],
    rng: np.random.Generator,
) -> Canvas:
    """The lines or dots of ruled, squared or dotted paper.

    Args:
        shape: (H, W) of the canvas.
        first: x and y of one crossing of its lines.
        pitch: distance of the lines, in pixels.
        hardships: of the page; say which paper it is.
        rng: draws the thickness.
    """
    canvas = np.zeros(shape, np.uint8)
    high, wide = shape
    rows = np.arange(first[1] % pitch, high, pitch)
    columns = np.arange(first[0] % pitch, wide, pitch)
    thick = pitch * rng.uniform(0.015, 0.04)
    if "dotted-paper" in hardships:
        centres = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
        radius = max(1.3 * thick, 0.8)
        for x, y in np.round(centres * 16).astype(int).tolist():
            cv2.circle(canvas, (x, y), round(radius * 16), 255, cv2.FILLED, cv2.LINE_AA, 4)
        return canvas
    for y in rows:
        _stroke(canvas, (0, y), (wide, y), thick)
    if "squared-paper" in hardships:
        for x in columns:
            _stroke(canvas, (x, 0), (x, high), thick)
    return canvas


def boxes(shape: tuple[int, int], places: list[tuple[int, int, int, int]], rng: np.random.Generator) -> Canvas:
    """Printed boxes at places x, y, width, height."""
    canvas = np.zeros(shape, np.uint8)
    share = rng.uniform(0.015, 0.04)
    for x, y, wide, high in places:
        corners = [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            _stroke(canvas, start, end, share * wide)
    return canvas


def pattern(shape: tuple[int, int], pitch: float, rng: np.random.Generator) -> Canvas:
    """Fine wavy lines or a weave about `pitch` pixels apart, as on cheques."""
    high, wide = shape
    y, x = np.ogrid[:high, :wide]
    if rng.random() < 0.5:
        directions = (0.6, 0.8), (-0.7, 0.7)
        phases = [(x * cos + y * sin) / pitch + 6 * clouds(shape, 6, rng) for cos, sin in directions]
    else:
        phases = [np.broadcast_to(axis / (0.35 * pitch), shape) for axis in (x, y)]
    lines = [np.cos(2 * np.pi * phase, dtype=np.float32) for phase in phases]
    strength = np.clip(np.maximum(*lines) * 3 - 1.6, 0, 1)
    return (strength * 255).astype(np.uint8)


def _stroke(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], thick: float) -> None:
    """Draw a line of any thickness; one thinner than a pixel is paler."""
    value = 255 * min(thick, 1) if thick < 1.5 else 255
    ends = [(round(x * 16), round(y * 16)) for x, y in (start, end)]
    cv2.line(canvas, ends[0], ends[1], max(value, 110), max(round(thick), 1), cv2.LINE_AA, 4)


def _colour(values: NDArray[np.floating]) -> Colour:
    red, green, blue = np.clip(values, 0, 255).tolist()
    return red, green, blue
