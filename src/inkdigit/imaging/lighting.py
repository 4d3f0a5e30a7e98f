"""A picture in uneven light, such as a photo with a shadow -> a Binarization in which the shadow is not ink.

The light is estimated with Pillow's filters alone, in about a millisecond: one digit needs no better estimate, and
`inkdigit.prepare` works without OpenCV. Pages use `imaging.page.paper`.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from inkdigit.imaging.binarize import Binarization, binarize, border
from inkdigit.imaging.grayscale import Ink

MIN_SIZE = 48  # pixels along the longer side; in a smaller picture light and strokes look alike

_EVEN_NOISE = 0.05  # noise of a picture in even light; drawings and digits on plain paper have less, photos more
_MAX_DOUBT_RATIO = 0.8  # the corrected picture is used where its doubt is less than this share of the original's
_SHADOW_SIZE = 0.3  # of the longer side: what is so wide is not a stroke
_COARSE_SIZE = 32  # pixels along the longer side, at least, of the picture in which the light is estimated
_WINDOW_DIVISOR = 3  # the longer side divided by this is the window that is mostly paper


def binarize_in_even_light(grey: Image.Image, ink: Ink) -> Binarization:
    """A picture of mode L -> its Binarization, with the light corrected where that leaves less doubt."""
    original = binarize(grey, ink)
    if max(grey.size) < MIN_SIZE or (original.thresholds and original.thresholds.noise < _EVEN_NOISE):
        return original
    corrected = binarize(even_out(grey), ink)
    return corrected if _doubt(corrected) < _MAX_DOUBT_RATIO * _doubt(original) else original


def even_out(grey: Image.Image) -> Image.Image:
    """A picture of mode L -> the same with the light made even.

    The light at a place is the median of its surroundings in a coarse picture. On light paper the picture is divided
    by it, since light multiplies what paper reflects; on dark paper it is subtracted.
    """
    factor = max(grey.size) // _COARSE_SIZE
    small = grey.reduce(factor) if factor > 1 else grey
    window = max(small.size) // _WINDOW_DIVISOR | 1
    surroundings = small.filter(ImageFilter.MedianFilter(window)).filter(ImageFilter.BoxBlur(1))
    light = np.asarray(surroundings.resize(grey.size, Image.Resampling.BILINEAR), np.float32)
    values = np.asarray(grey, np.float32)
    level = float(np.median(np.asarray(surroundings)))
    even = values * (max(level, 240) / np.maximum(light, 1)) if level > 127 else values + (level - light)
    return Image.fromarray(np.rint(even.clip(0, 255)).astype(np.uint8))


def _doubt(binarization: Binarization) -> float:
    """How much of the ink may be shadow, 0 to 2: all where some of it is too wide for a stroke, and its noise."""
    if not binarization.thresholds:
        return 0.5
    mask = binarization.bright > binarization.thresholds.edge
    side = max(2, round(_SHADOW_SIZE * max(mask.shape)))
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    mask.cumsum(axis=0, out=sums[1:, 1:])
    sums.cumsum(axis=1, out=sums)
    squares = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    shadow = 1 if squares.size and squares.max() == side * side else float(border(mask).mean())
    return shadow + binarization.thresholds.noise
