"""A picture in colour, with or without transparency -> the grey in which ink and paper differ."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

Ink = Literal["auto", "dark", "bright"]

FAINTEST = 16  # grey levels between paper and ink, below which there is none

_COARSE = 48  # pixels along the longer side, at least, of the picture in which contrasts are compared
_COLOURED = 1.5  # how many times luma's contrast a colour channel must have to be taken instead


def coarse(image: Image.Image, side: int) -> Image.Image:
    """The picture shrunk by a whole factor to `side` pixels or up to twice as many; as it is where it has no more."""
    factor = max(image.size) // side
    return image.reduce(factor) if factor > 1 else image


def to_grey(image: Image.Image, ink: Ink = "auto") -> Image.Image:
    """L, RGB or RGBA -> L: luma, or the colour channel in which the picture has clearly more contrast.

    What is transparent becomes paper: light below dark ink and dark below bright ink, whether `ink` says which it is
    or the picture does. Where all that is visible has one colour, it is the ink.
    """
    if image.mode == "L":
        return image
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return _on_paper(image, ink)
    luma, channels = image.convert("L"), [image.getchannel(name) for name in "RGB"]
    contrasts = [_contrast(channel) for channel in channels]
    if max(contrasts) > _COLOURED * _contrast(luma):
        return channels[contrasts.index(max(contrasts))]
    return luma


def _contrast(channel: Image.Image) -> int:
    low, high = np.asarray(coarse(channel, _COARSE).getextrema(), int)
    return int(high - low)


def _on_paper(image: Image.Image, ink: Ink) -> Image.Image:
    opacity = image.getchannel("A")
    grey, alpha = np.asarray(to_grey(image.convert("RGB"))), np.asarray(opacity)
    visible = grey[alpha > 127]
    if not visible.size or np.ptp(visible) < FAINTEST:
        return Image.fromarray(~alpha) if ink == "dark" else opacity
    # Mostly opaque it is a page, and its median is paper; mostly transparent it is ink alone.
    page = 2 * visible.size > grey.size
    light = ink == "dark" if ink != "auto" else (np.median(visible) > 127) == page
    share = alpha / np.float32(255)
    return Image.fromarray(np.rint(grey * share + 255 * light * (1 - share)).astype(np.uint8))
