"""The light on a page: what the paper would look like without ink, and how much darker than that each pixel is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[Any]  # (H, W) uint8; OpenCV's own types say less

_COARSE_SIZE = 800  # pixels along the longer side, about, of the picture in which the paper is estimated
_MAX_STROKE_DIVISOR = 9  # the longer side divided by this is wider than any stroke
_FILL_FACTOR = 6  # how many times as wide as a broad stroke is the gap in the paper that is filled


def resize_by(picture: Map, scale: float) -> Map:
    """A picture (H, W) or (H, W, C), made smaller by averaging; each side keeps at least one pixel."""
    height, width = picture.shape[:2]
    size = round(width * scale), round(height * scale)
    if min(size) < 1:
        return cv2.resize(picture, (max(size[0], 1), max(size[1], 1)), interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def darkness(grey: Map, paper: Map) -> Map:
    """How much darker than the paper each pixel is, (H, W) uint8: 0 where it is as light, 255 where it is black.

    Light multiplies what paper reflects; therefore the picture is divided by the paper, in any light.
    """
    return cv2.bitwise_not(cv2.divide(grey, paper, scale=255))


def flatten_light(grey: Map) -> tuple[Map, Map]:
    """A picture (H, W) uint8 with dark ink -> its darkness, and the paper without ink; both (H, W) uint8."""
    shrink = max(1, max(grey.shape) // _COARSE_SIZE)
    small = cv2.medianBlur(resize_by(grey, 1 / shrink), 3)
    side = max(5, max(small.shape) // _MAX_STROKE_DIVISOR | 1)
    paper = _without_ink(small, side)
    needed = round(_FILL_FACTOR * _broad_stroke(darkness(small, paper))) | 1
    if needed < side // 2:  # the smaller the filled gaps, the less of a shadow's corners is taken for ink
        paper = _without_ink(small, max(needed, 5))
    paper = cv2.resize(paper, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return darkness(grey, paper), paper


def _broad_stroke(dark: Map) -> float:
    """The width in pixels that nearly all strokes, by their length, stay below."""
    ink = (dark > 0.4 * np.quantile(dark, 0.998)).view(np.uint8)
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    middle = inside[(inside > 0) & (inside == cv2.dilate(inside, np.ones((3, 3), np.uint8)))]
    return 2 * float(np.quantile(middle, 0.93)) if middle.size else 0.0


def _without_ink(small: Map, side: int) -> Map:
    """What a picture would look like without ink.

    A morphological closing fills what is narrower than `side` pixels and keeps the edges of shadows. At these edges
    it is blurred by a pixel: the darker of neighbours is the paper's value.
    """
    # Beyond the picture's edge the light continues as it changed before.
    padded = np.pad(small.astype(np.int16), side, mode="reflect", reflect_type="odd")
    filled = cv2.dilate(padded.clip(0, 255).astype(np.uint8), np.ones((side, side), np.uint8))
    filled = cv2.erode(filled, np.ones((side + 2, side + 2), np.uint8))[side:-side, side:-side]
    # Noise has raised it: half of the paper's pixels are darker than the paper.
    above = cv2.subtract(filled, small)
    above = np.minimum(cv2.medianBlur(above, min(side, 255)), np.uint8(np.median(above)) + np.uint8(6))
    return np.maximum(cv2.subtract(filled, above), 1)
