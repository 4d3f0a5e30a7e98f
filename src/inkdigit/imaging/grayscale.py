"""A picture in colour, with or without transparency -> the grey in which ink and paper differ."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

Ink = Literal["auto", "dark", "bright"]

FAINTEST = 16  # grey levels between paper and ink, below which there is none

_SAMPLE = 128  # pixels along the longer side of the sample in which contrasts are compared
_COLOURED = 1.5  # how many times luma's contrast a colour channel must have to be taken instead


def to_grayscale(image: Image.Image, ink: Ink = "auto") -> Image.Image:
    """L, RGB or RGBA -> L: luma, or the colour channel in which the picture has clearly more contrast.

    What is transparent becomes paper: light below dark ink and dark below bright ink, whether `ink` says which it is
    or the picture does. Where all that is visible has one colour, it is the ink.
    """
    if image.mode == "L":
        return image
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return _on_paper(image, ink)
    few = image.resize([max(1, side * _SAMPLE // max(image.size)) for side in image.size], Image.Resampling.NEAREST)
    contrasts = [high - low for low, high in np.array(few.convert("RGB").getextrema())]
    low, high = np.array(few.convert("L").getextrema())
    if max(contrasts) > _COLOURED * (high - low):
        return image.getchannel("RGB"[contrasts.index(max(contrasts))])
    return image.convert("L")


def _on_paper(image: Image.Image, ink: Ink) -> Image.Image:
    opacity = image.getchannel("A")
    alpha = np.asarray(opacity)
    visible = np.asarray(image.convert("L"))[alpha > 127]
    if not visible.size or np.ptp(visible) < FAINTEST:
        return Image.fromarray(~alpha) if ink == "dark" else opacity
    # Mostly opaque it is a page, and its median is paper; mostly transparent it is ink alone.
    page = 2 * visible.size > alpha.size
    light = ink == "dark" if ink != "auto" else (np.median(visible) > 127) == page
    paper = Image.new("RGBA", image.size, (255, 255, 255, 255) if light else (0, 0, 0, 255))
    return to_grayscale(Image.alpha_composite(paper, image))
