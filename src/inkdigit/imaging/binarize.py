"""Ink and paper: which grey levels are which, and which of the two is the light one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.grayscale import FAINTEST, Ink

LEVELS = np.arange(256)
LARGE = 96  # pixels along the longer side of a picture in which a digit is larger than dust and grain


@dataclass(frozen=True)
class Thresholds:
    """What the grey levels of a picture mean, where ink is the bright side.

    Up to `cut` it is paper, above it ink. paper: what most of the paper has; full: what ink has where it covers;
    faint: above it are the soft edges of strokes, below it only the paper's noise. noise: how much of the way from
    paper to cut is noise, from 0 to 1.
    """

    cut: int
    paper: int
    full: int
    faint: int
    noise: float


@dataclass(frozen=True)
class Binarization:
    """What is seen in a grey picture.

    bright: (H, W) uint8, the picture turned so that ink is bright. light: how much speaks for light paper, from 0 to
    1. levels: what the grey levels mean; None where there is no ink.
    """

    bright: NDArray[np.uint8]
    light: float
    levels: Thresholds | None


def binarize(image: Image.Image, ink: Ink) -> Binarization:
    """See what is ink in a picture of mode L."""
    grey, counts = np.asarray(image), np.array(image.histogram())
    cut = otsu_threshold(counts)
    light = light_share(grey > cut) if ink == "auto" else float(ink == "dark")
    if light > 0.5:
        grey, counts = ~grey, counts[::-1]
        cut = otsu_threshold(counts)  # nearly what it was; so dark ink and bright ink are read alike
    levels = _levels(counts, cut)
    return Binarization(grey, light, None if levels and _is_grain(grey > levels.faint) else levels)


def otsu_threshold(counts: NDArray[np.int64]) -> int:
    """The grey level that best parts pixels in two: those up to it, and those above.

    counts: (256,), how many pixels of each level there are. It is the level of Otsu (1979), but for this: pixels like
    the median one count no more than all others together, so that little ink on much paper is found too. Of levels
    that part them equally well it is the middle one.
    """
    centre = _quantile(counts, 0.5)
    alike = np.abs(LEVELS - centre) <= 6 * _spread(counts, centre)  # within four standard deviations
    most = counts[alike].sum()
    others = counts.sum() - most
    if 0 < others < most:
        counts = np.where(alike, counts * (others / most), counts)
    below = counts.cumsum(dtype=float)
    total = (counts * LEVELS).cumsum(dtype=float)
    above = below[-1] - below
    difference = total * above - (total[-1] - total) * below
    variance = difference**2 / np.maximum(below * above, 1e-9)  # between both parts, times a constant
    best = np.flatnonzero(variance >= variance.max() * (1 - 1e-9))
    return int(best[best.size // 2])


def light_share(light: NDArray[np.bool_]) -> float:
    """How much speaks for light paper, from 0 to 1: the mean of the light shares of the four corners and the border.

    light: (H, W), the pixels above the threshold. A digit may touch all of its picture's border and cover most of the
    picture, as Semeion's do; it hardly has ink in three corners.
    """
    corners = light[np.ix_([0, -1], [0, -1])]
    return float(border(light).mean() + corners.mean()) / 2


def border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost pixels."""
    return np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])


def _levels(counts: NDArray[np.int64], cut: int) -> Thresholds | None:
    ink = np.where(cut < LEVELS, counts, 0)
    if not ink.any() or ink.sum() == counts.sum():
        return None
    paper, full = _quantile(counts - ink, 0.5), _quantile(ink, 0.75)
    if full - paper < FAINTEST:
        return None
    noise = min(4.5 * _spread(counts - ink, paper) / max(cut - paper, 1), 1)  # three standard deviations
    return Thresholds(cut, paper, full, int(paper + (cut - paper) * max(noise, 0.25)), noise)


def _is_grain(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask of much of a large picture changes along its rows half as often as one of independent pixels."""
    share = float(mask.mean())
    if max(mask.shape) < LARGE or share < 0.1:
        return False
    return int(np.count_nonzero(mask[:, 1:] != mask[:, :-1])) > share * (1 - share) * mask.size


def _quantile(counts: NDArray[np.int64], share: float) -> int:
    below = counts.cumsum()
    return int(np.searchsorted(below, share * below[-1]))


def _spread(counts: NDArray[np.int64], centre: int) -> int:
    """The median distance from a level; half as much again is a normal distribution's standard deviation."""
    folded = np.zeros(256, np.int64)
    folded[: 256 - centre] = counts[centre:]
    folded[1 : centre + 1] += counts[:centre][::-1]
    return _quantile(folded, 0.5)
