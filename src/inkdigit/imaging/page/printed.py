"""The lines of a page that is full of ink -> those without the long runs of printed signs, which are no digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.page.components import InkComponents
from inkdigit.imaging.page.deskew import Strip, straightened
from inkdigit.imaging.page.grouping import LineComponents
from inkdigit.imaging.page.ink_map import InkMap
from inkdigit.imaging.page.neighbours import Indices

CountDigits = Callable[[Sequence[Strip]], list[int]]  # strips -> how many clear digits are on each

_SAMPLE = 8  # bodies side by side that stand for their line; a line with fewer is read as a whole
_LONG_LINE = 30  # bodies of a line that is sampled at two places
_MIN_DIGIT_SHARE = 0.5  # of a sample's bodies: with fewer digits at each place, a line is one of other signs
_MAX_SHORT = 64  # short lines that are sampled
_MAX_STRAY_SHARE = 0.05  # of the sampled short lines: with no more that show digits, those not sampled have none
# Print repeats its signs, a hand does not: this many components of the same height and width, whose masses differ by
# no more than about this share, are printed.
_MIN_EQUAL, _MASS_STEP = 12, 0.05
_BESIDE = 2  # bodies on each side of an unrepeated one that are read with it


def without_print(
    ink_map: InkMap,
    found: InkComponents,
    lines: list[LineComponents],
    min_height: float,
    count_digits: CountDigits,
) -> tuple[list[LineComponents], list[Indices]]:
    """The lines of a full page -> those to be read, and the numbers of the components of each run that is not.

    A line is looked at in short samples. Where these show few digits, only the signs that are not repeated over
    the page are read, with their neighbours: a number that a hand has written among print is among them.

    min_height: of the smallest digit that can be read, in pixels.
    """
    others = _without_digits(ink_map, found, lines, count_digits)
    if not others:
        return lines, []
    repeated = _repeated(found, np.concatenate([line.bodies for line in lines])) | (found.height < min_height)
    read: list[LineComponents] = []
    left_out: list[Indices] = []
    for k, line in enumerate(lines):
        if k not in others:
            read.append(line)
            continue
        kept, dropped = _split(found, line, repeated)
        read += kept
        left_out += dropped
    return read, left_out


def _without_digits(
    ink_map: InkMap, found: InkComponents, lines: list[LineComponents], count_digits: CountDigits
) -> set[int]:
    """The numbers of the lines whose samples show few digits; of many short lines, some stand for all."""
    long = [k for k, line in enumerate(lines) if len(line.bodies) >= _LONG_LINE]
    short = [k for k, line in enumerate(lines) if _SAMPLE <= len(line.bodies) < _LONG_LINE]
    step = -(-len(short) // _MAX_SHORT) or 1
    samples = [(k, part) for k in long + short[::step] for part in _samples(lines[k].bodies)]
    counts = count_digits([straightened(ink_map, found, part, part[:0]) for _, part in samples])
    with_digits = {k for (k, _), count in zip(samples, counts, strict=True) if count >= _MIN_DIGIT_SHARE * _SAMPLE}
    others = {k for k, _ in samples} - with_digits
    if len(with_digits.intersection(short)) <= _MAX_STRAY_SHARE * len(short[::step]):
        others.update(set(short) - with_digits)
    return others


def _samples(bodies: Indices) -> list[Indices]:
    """Bodies around the quarters of a long line, or around the middle of a short one."""
    count = len(bodies)
    middles = (count // 4, 3 * count // 4) if count >= _LONG_LINE else (count // 2,)
    return [bodies[middle - _SAMPLE // 2 : middle + _SAMPLE // 2] for middle in middles]


def _repeated(found: InkComponents, bodies: Indices) -> NDArray[np.bool_]:
    """Which of the K components are bodies, (K,), whose shape is there again and again."""
    level = np.floor(np.log(np.maximum(found.mass[bodies], 1)) / _MASS_STEP).astype(np.int64) + 1
    levels = int(level.max()) + 2
    shape = found.height[bodies] * (int(found.width[bodies].max()) + 1) + found.width[bodies]
    keys, place, counts = np.unique(shape * levels + level, return_inverse=True, return_counts=True)
    equal = counts.copy()
    for step in (-1, 1):  # a shape's mass may lie near the border of a level
        beside = np.searchsorted(keys, keys + step).clip(0, len(keys) - 1)
        equal += np.where(keys[beside] == keys + step, counts[beside], 0)
    repeated = np.zeros(len(found.label), bool)
    repeated[bodies] = equal[place] >= _MIN_EQUAL
    return repeated


def _split(
    found: InkComponents, line: LineComponents, repeated: NDArray[np.bool_]
) -> tuple[list[LineComponents], list[Indices]]:
    """A line of signs -> its parts around unrepeated ones, and the numbers of the components between these parts."""
    unlike = ~repeated[line.bodies]
    near = np.convolve(unlike, np.ones(2 * _BESIDE + 1), "same") > 0
    starts = np.flatnonzero(np.diff(near, prepend=~near[:1]))
    # Each piece goes with the body that begins last before its middle.
    middle = (found.left + found.right)[line.pieces] / 2
    owner = (np.searchsorted(found.left[line.bodies], middle, "right") - 1).clip(0)
    part_of_piece = np.searchsorted(starts, owner, "right") - 1
    kept: list[LineComponents] = []
    dropped: list[Indices] = []
    for number, bodies in enumerate(np.split(line.bodies, starts[1:])):
        pieces = line.pieces[part_of_piece == number]
        if near[starts[number]]:
            kept.append(LineComponents(bodies, pieces))
        else:
            dropped.append(np.concatenate([bodies, pieces]))
    return kept, dropped
