"""A grey picture of one digit -> which grey levels are ink and which are paper, and which of the two is light.

No OpenCV here: `inkdigit.prepare` needs the core installation only. A page is looked at in `imaging.page.ink_map`,
where neither the border nor the corners need to be paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.grayscale import MIN_CONTRAST, Ink

GREY_LEVELS = np.arange(256)
LARGE_PICTURE = 96  # pixels along the longer side of a picture in which a digit is larger than dust and grain


@dataclass(frozen=True)
class Thresholds:
    """What the grey levels of a picture mean, where ink is the bright side.

    Attributes:
        ink: Otsu's threshold: pixels above it are ink, the others paper.
        edge: pixels above it are ink or the soft edge of a stroke; what is below is the paper's noise.
        paper_level: the grey level of most of the paper.
        ink_level: the grey level of ink that covers the paper.
        noise: the paper's noise as a share of the way from paper_level to `ink`, 0 to 1.
    """

    ink: int
    edge: int
    paper_level: int
    ink_level: int
    noise: float


@dataclass(frozen=True)
class Binarization:
    """A grey picture whose ink is known.

    Attributes:
        bright: (H, W) uint8, the picture, inverted where needed so that ink is bright.
        light_share: how much of border and corners is light, 0 to 1; above 0.5 the paper is taken for light.
        thresholds: what the grey levels of `bright` mean; None where there is no ink.
    """

    bright: NDArray[np.uint8]
    light_share: float
    thresholds: Thresholds | None


def binarize(image: Image.Image, ink: Ink) -> Binarization:
    """A picture of mode L -> its Binarization. ink: whether ink is dark or bright; "auto" finds out."""
    grey, counts = np.asarray(image), np.array(image.histogram())
    threshold = otsu_threshold(counts)
    share = light_share(grey > threshold) if ink == "auto" else float(ink == "dark")
    if share > 0.5:
        grey, counts = ~grey, counts[::-1]
        threshold = otsu_threshold(counts)  # nearly the same level; so dark ink and bright ink are treated alike
    thresholds = _thresholds(counts, threshold)
    return Binarization(grey, share, None if thresholds and _is_grain(grey > thresholds.edge) else thresholds)


def otsu_threshold(counts: NDArray[np.int64]) -> int:
    """A histogram (256,) -> the grey level that best divides it in two: levels up to it, and levels above.

    It is the level of Otsu (1979) with one change: pixels near the median count no more than all others together, so
    that little ink on much paper is found too. Of levels that divide equally well, the middle one is returned.
    """
    centre = _quantile(counts, 0.5)
    near_median = np.abs(GREY_LEVELS - centre) <= 6 * _spread(counts, centre)  # within four standard deviations
    near_count = counts[near_median].sum()
    other_count = counts.sum() - near_count
    if 0 < other_count < near_count:
        counts = np.where(near_median, counts * (other_count / near_count), counts)
    below = counts.cumsum(dtype=float)
    total = (counts * GREY_LEVELS).cumsum(dtype=float)
    above = below[-1] - below
    difference = total * above - (total[-1] - total) * below
    variance = difference**2 / np.maximum(below * above, 1e-9)  # between the two parts, times a constant
    best = np.flatnonzero(variance >= variance.max() * (1 - 1e-9))
    return int(best[best.size // 2])


def light_share(light: NDArray[np.bool_]) -> float:
    """A mask (H, W) of light pixels -> the evidence for light paper, 0 to 1.

    It is the mean of the light shares of the four corners and of the border. A digit may touch the whole border and
    cover most of its picture, as Semeion's do, but it hardly ever has ink in three corners.
    """
    corners = light[np.ix_([0, -1], [0, -1])]
    return float(border(light).mean() + corners.mean()) / 2


def border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost pixels of a mask (H, W), as one row."""
    return np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])


def _thresholds(counts: NDArray[np.int64], threshold: int) -> Thresholds | None:
    ink = np.where(threshold < GREY_LEVELS, counts, 0)
    if not ink.any() or ink.sum() == counts.sum():
        return None
    paper_level, ink_level = _quantile(counts - ink, 0.5), _quantile(ink, 0.75)
    if ink_level - paper_level < MIN_CONTRAST:
        return None
    distance = threshold - paper_level
    noise = min(4.5 * _spread(counts - ink, paper_level) / max(distance, 1), 1)  # three standard deviations
    edge = int(paper_level + distance * max(noise, 0.25))
    return Thresholds(threshold, edge, paper_level, ink_level, noise)


def _is_grain(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask of much of a large picture changes along its rows half as often as independent pixels do."""
    share = float(mask.mean())
    if max(mask.shape) < LARGE_PICTURE or share < 0.1:
        return False
    return int(np.count_nonzero(mask[:, 1:] != mask[:, :-1])) > share * (1 - share) * mask.size


def _quantile(counts: NDArray[np.int64], share: float) -> int:
    below = counts.cumsum()
    return int(np.searchsorted(below, share * below[-1]))


def _spread(counts: NDArray[np.int64], centre: int) -> int:
    """The median distance from a level; 1.5 times it is the standard deviation of a normal distribution."""
    folded = np.zeros(256, np.int64)
    folded[: 256 - centre] = counts[centre:]
    folded[1 : centre + 1] += counts[:centre][::-1]
    return _quantile(folded, 0.5)
