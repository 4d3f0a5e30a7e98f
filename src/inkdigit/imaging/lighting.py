"""Uneven light on paper, as in a photo with a shadow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from inkdigit.imaging.binarize import Binarization, binarize, border
from inkdigit.imaging.grayscale import Ink

SMALLEST = 48  # pixels along the longer side of a picture whose light can be told from its strokes

_NOISE = 0.05  # of the way from paper to ink; drawings and digits on constant paper have less, photos more
_BETTER = 0.8  # what is doubtful in the evened picture, by what is doubtful in the picture
_SPOT = 0.3  # of the longer side: what is so wide is no stroke
_COARSE = 32  # pixels along the longer side, at least, of the picture that shows the light
_WINDOW = 3  # how many times the surroundings of a place that are mostly paper go into the longer side


def binarize_in_even_light(grey: Image.Image, ink: Ink) -> Binarization:
    """See what is ink in a picture of mode L, of which the light is made even where that leaves less doubt."""
    sight = binarize(grey, ink)
    if max(grey.size) < SMALLEST or (sight.levels and sight.levels.noise < _NOISE):
        return sight
    even = binarize(even_out(grey), ink)
    return even if _doubt(even) < _BETTER * _doubt(sight) else sight


def even_out(grey: Image.Image) -> Image.Image:
    """L -> L: the light made the same everywhere.

    The light at a place is the median of its surroundings, in a coarse picture. On light paper it is divided by, as
    light multiplies what is dark; on dark paper it is subtracted.
    """
    factor = max(grey.size) // _COARSE
    small = grey.reduce(factor) if factor > 1 else grey
    window = max(small.size) // _WINDOW | 1
    surroundings = small.filter(ImageFilter.MedianFilter(window)).filter(ImageFilter.BoxBlur(1))
    light = np.asarray(surroundings.resize(grey.size, Image.Resampling.BILINEAR), np.float32)
    values = np.asarray(grey, np.float32)
    level = float(np.median(np.asarray(surroundings)))
    even = values * (max(level, 240) / np.maximum(light, 1)) if level > 127 else values + (level - light)
    return Image.fromarray(np.rint(even.clip(0, 255)).astype(np.uint8))


def _doubt(sight: Binarization) -> float:
    """How much of what passes for ink may be shadow: all that is too wide for strokes, or at the border; and noise."""
    if not sight.levels:
        return 0.5
    mask = sight.bright > sight.levels.faint
    side = max(2, round(_SPOT * max(mask.shape)))
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    mask.cumsum(axis=0, out=sums[1:, 1:])
    sums.cumsum(axis=1, out=sums)
    squares = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    shadow = 1 if squares.size and squares.max() == side * side else float(border(mask).mean())
    return shadow + sight.levels.noise
