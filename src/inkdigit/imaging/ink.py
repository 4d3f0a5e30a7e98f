"""Ink and paper: which of the two is the light one, and what parts them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def threshold(grey: NDArray[np.uint8]) -> int:
    """The grey level that best parts the pixels in two: those up to it, and those above (Otsu, 1979).

    grey: (H, W) uint8, or any other shape. Of levels that part them equally well, the middle one.
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    below = counts.cumsum()
    above = below[-1] - below
    total = (counts * np.arange(256)).cumsum()
    difference = (total * above - (total[-1] - total) * below).astype(float)
    variance = difference**2 / np.maximum(below * above, 1)  # between both parts, times a constant
    best = np.flatnonzero(variance == variance.max())
    return int(best[best.size // 2])


def has_light_paper(grey: NDArray[np.uint8]) -> bool | None:
    """Whether the ink is dark on light, (H, W) uint8; None where the picture alone does not say.

    Paper is what most of the border shows and most of the picture. A digit that fills its box, as Semeion's do,
    can have the one against the other: then it takes other pictures of the same set to tell.
    """
    light = grey > threshold(grey)
    border = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    majorities = {int(np.sign(2 * np.count_nonzero(part) - part.size)) for part in (border, light)}
    return {1: True, -1: False}.get(majorities.pop()) if len(majorities) == 1 else None
