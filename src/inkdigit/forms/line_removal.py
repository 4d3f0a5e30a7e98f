"""The ink of a field with printed lines at known places -> the same without the lines; ink that crosses them stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.forms.printed import Grey
from inkdigit.forms.template import Rectangle

SEARCH_DISTANCE = 0.7  # mm from a line's place within which it is looked for
MAX_LINE_WIDTH = 0.9  # mm: what is thicker is not a printed line
MIN_SEEN_SHARE = 0.2  # of its length: a line that shows less is not there
MAX_SPECK = 0.4  # mm: what is shorter is noise
MIN_DARKNESS_RATIO = 1.25  # of ink to a line: darker ink is known by its darkness alone

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Run:
    """The ink nearest to the expected place of a horizontal line, in each of N columns.

    Attributes:
        there: (N,), whether there is any.
        thick: (N,), its height in pixels.
        centre: (N,), its middle row.
        level: (N,), its greatest darkness.
        first: the picture's column that the first of the N is.
        place: the row where the line is expected.
    """

    there: Mask
    thick: NDArray[np.int64]
    centre: NDArray[np.float64]
    level: NDArray[np.uint8]
    first: int
    place: float


def without_lines(
    dark: Grey, mask: Mask, levels: Sequence[float], uprights: Sequence[float], box: Rectangle, scale: float
) -> Mask:
    """The ink of a field -> the same without printed lines.

    Ink clearly darker than a line is kept all along it; other ink is kept where it continues on both sides.

    Args:
        dark: (H, W) uint8, how much darker than paper the picture is.
        mask: (H, W), its ink, print included.
        levels: the rows of horizontal lines, about.
        uprights: the columns of vertical lines, about.
        box: x, y, width and height of what the lines enclose.
        scale: pixels per mm.
    """
    left, top, width, height = box
    across = [_run(dark, mask, row, (left, left + width), scale) for row in levels]
    down = [_run(dark.T, mask.T, column, (top, top + height), scale) for column in uprights]
    across, down = ([run for run in runs if run.there.mean() >= MIN_SEEN_SHARE] for runs in (across, down))
    # All lines of a field are equally thick, but some have strokes along most of their length.
    thicks = [float(np.percentile(run.thick[run.there], 40)) for run in across + down]
    thick = float(np.median(thicks)) if thicks else 0.0
    if not 0 < thick <= MAX_LINE_WIDTH * scale:
        return mask
    bands = [_band(run, thick, mask.shape) for run in across] + [_band(run, thick, mask.T.shape).T for run in down]
    outside = _without_specks(mask & ~np.any(bands, axis=0), MAX_SPECK * scale)
    if not outside.any():
        return outside
    ink = float(np.percentile(dark[outside], 75))
    kept = outside.copy()
    crossed = _crossed(outside, thick), _crossed(outside.T, thick).T
    for number, (run, band) in enumerate(zip(across + down, bands, strict=True)):
        level = float(np.median(run.level[run.there]))
        is_ink = dark > (ink + level) / 2 if ink > MIN_DARKNESS_RATIO * level else crossed[number >= len(across)]
        kept |= mask & band & is_ink
    return kept


def _without_specks(mask: Mask, length: float) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, 2:4].max(axis=1) >= length
    large[0] = False  # the paper
    return large[np.asarray(labels, np.int64)]


def _run(dark: Grey, mask: Mask, row: float, ends: tuple[float, float], scale: float) -> _Run:
    reach, margin = round(SEARCH_DISTANCE * scale), round(0.3 * scale)
    first, last = max(round(ends[0]) - margin, 0), min(round(ends[1]) + margin + 1, mask.shape[1])
    top = max(round(row) - 2 * reach, 0)
    rows = slice(top, round(row) + 2 * reach + 1)
    strip = mask[rows, first:last]
    number = np.arange(len(strip))[:, None]
    away = np.where(strip, np.abs(number - (row - top)), np.inf)
    nearest, there = away.argmin(axis=0), away.min(axis=0) <= reach
    # Each unbroken run of ink in a column has one number; the run of the nearest pixel is the line's.
    broken = np.cumsum(~strip, axis=0)
    line = strip & (broken == broken[nearest, np.arange(strip.shape[1])]) & there
    thick = line.sum(axis=0)
    centre = top + (line * number).sum(axis=0) / np.maximum(thick, 1)
    return _Run(there, thick, centre, np.where(line, dark[rows, first:last], 0).max(axis=0), first, row)


def _band(run: _Run, thick: float, shape: tuple[int, ...]) -> Mask:
    """All pixels, (H, W), of a horizontal line `thick` pixels high: a straight fit through where it is seen alone."""
    columns = np.flatnonzero(run.there & (run.thick <= 1.3 * thick + 1))
    slope, start = 0.0, run.place
    if len(columns) > 0.1 * len(run.there):
        for _ in range(2):  # the second time without what is away from the first fit
            slope, start = np.polyfit(columns, run.centre[columns], 1)
            good = np.abs(run.centre[columns] - (start + slope * columns)) <= 1
            columns = columns[good] if good.sum() > len(good) / 3 else columns
    place = np.arange(shape[1]) - run.first
    course = start + slope * place
    near = np.abs(np.arange(shape[0])[:, None] - course) <= thick / 2 + 1
    return near & (place >= 0) & (place < len(run.there))


def _crossed(outside: Mask, thick: float) -> Mask:
    """Where there is ink both above and below, at most slightly to the side, within reach of a horizontal line."""
    reach = round(thick) + 3
    spread = np.ones((1, reach | 1), np.uint8)
    wide = cv2.dilate(outside.astype(np.uint8), spread)
    above, below = (cv2.dilate(wide, _one_sided(reach, down=down)) > 0 for down in (True, False))
    return np.asarray(above & below)


def _one_sided(reach: int, *, down: bool) -> NDArray[np.uint8]:
    """A kernel that spreads ink by `reach` rows to one side only."""
    kernel = np.zeros((2 * reach + 1, 1), np.uint8)
    kernel[slice(reach + 1) if down else slice(reach, None)] = 1
    return kernel
