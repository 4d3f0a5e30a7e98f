"""A picture in colour, with or without transparency -> the grey in which ink and paper differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

Ink = Literal["auto", "dark", "bright"]

MIN_CONTRAST = 16  # grey levels between paper and ink; where there are fewer, nothing is drawn

_SAMPLE_SIZE = 128  # pixels along the longer side of the sample in which contrasts are compared
_CHANNEL_ADVANTAGE = 1.5  # how many times luma's contrast a colour channel must have to be used instead


def to_grayscale(image: Image.Image, ink: Ink = "auto") -> Image.Image:
    """L, RGB or RGBA -> L: luma, or the colour channel in which the picture has clearly more contrast.

    Transparent pixels become paper: light behind dark ink and dark behind bright ink. Where everything visible has
    one colour, that colour is the ink.

    Args:
        image: a picture of mode L, RGB or RGBA.
        ink: whether ink is the dark or the bright side; "auto" finds out from the picture.
    """
    if image.mode == "L":
        return image
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return _transparent_to_grayscale(image, ink)
    size = [max(1, side * _SAMPLE_SIZE // max(image.size)) for side in image.size]
    sample = image.resize(size, Image.Resampling.NEAREST)
    contrasts = [high - low for low, high in np.array(sample.convert("RGB").getextrema())]
    low, high = np.array(sample.convert("L").getextrema())
    channel = clearest_channel(high - low, contrasts, _CHANNEL_ADVANTAGE)
    return image.convert("L") if channel is None else image.getchannel("RGB"[channel])


def clearest_channel(luma: float, channels: Sequence[float], advantage: float) -> int | None:
    """Scores of luma and of colour channels -> the best channel's number, or None where luma is good enough.

    Args:
        luma: how clearly luma shows the ink, in any unit.
        channels: the same for each channel, in the same unit.
        advantage: how many times luma's score a channel must exceed to be used instead.
    """
    best = int(np.argmax(channels))
    return best if channels[best] > advantage * luma else None


def flatten(image: Image.Image, paper: str) -> Image.Image:
    """Any mode -> RGB; what is transparent shows paper of this colour. An RGB picture comes back as it is."""
    if image.mode != "RGBA":
        return image if image.mode == "RGB" else image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB")


def _transparent_to_grayscale(image: Image.Image, ink: Ink) -> Image.Image:
    opacity = image.getchannel("A")
    alpha = np.asarray(opacity)
    visible = np.asarray(image.convert("L"))[alpha > 127]
    if not visible.size or np.ptp(visible) < MIN_CONTRAST:
        return Image.fromarray(~alpha) if ink == "dark" else opacity
    # A picture that is mostly opaque is a page, and its median is paper; mostly transparent, it is ink alone.
    is_page = 2 * visible.size > alpha.size
    light_paper = ink == "dark" if ink != "auto" else (np.median(visible) > 127) == is_page
    return to_grayscale(flatten(image, "white" if light_paper else "black"))
