"""The ink of a page -> in which ways it may have to be turned to be upright."""

from __future__ import annotations

import numpy as np

from inkdigit.imaging.page.components import ink_components, min_digit_height, not_writing
from inkdigit.imaging.page.ink_map import InkMap
from inkdigit.imaging.page.lines import CROWDED, MAX_PIECES

_CLEARLY_UPRIGHT = 0.3  # score from which on the page is not tried on its side
_MIN_RELATIVE_SIZE = 0.55  # of the typical size: what is smaller is dirt or a piece of a digit
_SAMPLE_PIECES = 250  # components as large as digits in the part of a crowded page that is tried in each rotation
_MAX_DIGITS = 400  # that are looked at: these are enough


def candidate_rotations(ink_map: InkMap) -> tuple[int, ...]:
    """By how many right angles, counter-clockwise, a page may have to be turned to be upright; the likeliest first.

    Digits are taller than wide, and stand nearer to those beside them than to those above them. Whether a page is
    upside down shows in the digits alone: they have to be read.
    """
    found = ink_components(ink_map)
    size = found.size
    free = size >= min_digit_height(ink_map)
    if np.count_nonzero(free) > MAX_PIECES:
        return (0,)
    for _, rejected in not_writing(ink_map, found):
        free &= ~rejected
    if not free.any():
        return (0,)
    typical = float(np.median(size[free & (size >= 0.5 * size[free].max())]))
    digits = np.flatnonzero(free & (size > _MIN_RELATIVE_SIZE * typical))[:_MAX_DIGITS]
    tallness = np.log(found.height[digits] / found.width[digits])
    x, y = (found.left + found.right)[digits] / 2, (found.top + found.bottom)[digits] / 2
    across, down = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
    nearest = (np.hypot(across, down) + np.diag(np.full(len(digits), np.inf))).argmin(axis=1)
    rows = np.arange(len(digits))
    beside = np.sign(across[rows, nearest] - down[rows, nearest])
    upright = float(np.tanh(2 * tallness).mean()) + 0.4 * float(beside.mean()) * (len(digits) > 2)
    if upright > _CLEARLY_UPRIGHT:
        return (0,)
    return (1, 3, 0) if upright < 0 else (0, 1, 3)


def rotation_sample(ink_map: InkMap) -> InkMap | None:
    """A full page -> a part of it that shows which way up it is; None for a page that is read fast as a whole.

    A page of print has thousands of letters, and reading all of them four times takes four times as long.
    """
    found = ink_components(ink_map)
    large = np.flatnonzero(found.size >= min_digit_height(ink_map))
    if len(large) <= CROWDED:
        return None
    x, y = (found.left + found.right)[large] / 2, (found.top + found.bottom)[large] / 2
    height, width = ink_map.ink.shape
    away = np.maximum(np.abs(x - np.median(x)) / width, np.abs(y - np.median(y)) / height)
    half = float(np.partition(away, _SAMPLE_PIECES)[_SAMPLE_PIECES])
    left, right = (int(np.clip(np.median(x) + sign * half * width, 0, width)) for sign in (-1, 1))
    top, bottom = (int(np.clip(np.median(y) + sign * half * height, 0, height)) for sign in (-1, 1))
    return ink_map.part(top, max(bottom, top + 1), left, max(right, left + 1))
