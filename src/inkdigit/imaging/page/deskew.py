"""The components of one line -> a straightened strip of ink, 48 pixels high, with digits of about 28."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.crop import Box, mapped_box
from inkdigit.imaging.page.components import InkComponents
from inkdigit.imaging.page.ink_map import InkMap
from inkdigit.imaging.page.median import median
from inkdigit.imaging.page.paper import Map

STRIP_HEIGHT = 48  # pixels
STRIP_MARGIN = 10  # columns of paper at each end of a strip

_DIGIT_HEIGHT = 28  # pixels of a typical digit's height in a strip
_MAX_INK_HEIGHT = 44  # pixels of a strip's height that ink may take


@dataclass(frozen=True)
class Strip:
    """A line of ink, straightened.

    Attributes:
        image: (48, W) uint8, ink bright on 0, thin strokes as bright as broad ones, STRIP_MARGIN columns of 0 at each
            end.
        to_picture: (2, 3), the affine map from its pixels (x, y, 1) to those of the picture.
    """

    image: Map
    to_picture: NDArray[np.float64]

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """A box in the strip -> the upright box around it in the picture."""
        return mapped_box(self.to_picture, left, top, right, bottom)


def line_slope(boxes: NDArray[np.int64]) -> float:
    """Boxes (N, 4) of a line -> how steeply their middles fall to the right; 0 for fewer than three."""
    if len(boxes) < 3:
        return 0.0
    left, top, right, bottom = boxes.T
    x, y = (left + right) / 2, (top + bottom) / 2
    if x.max() - x.min() < 2 * median(bottom - top):
        return 0.0
    x = x - x.sum() / len(x)
    return float(x @ (y - y.sum() / len(y)) / (x @ x))  # least squares


def straightened(ink_map: InkMap, found: InkComponents, bodies: NDArray[np.int64], pieces: NDArray[np.int64]) -> Strip:
    """The components of a line -> its strip.

    Args:
        ink_map: the page's ink.
        found: its K components.
        bodies: numbers of components as tall as digits; their height and slope become the strip's.
        pieces: numbers of small components that belong to the same line.
    """
    line = np.concatenate([bodies, pieces])
    left, right = int(found.left[line].min()), int(found.right[line].max())
    top, bottom = int(found.top[line].min()), int(found.bottom[line].max())
    own = np.zeros(len(ink_map.contrast), np.uint8)
    own[found.label[line]] = 255
    crop = cv2.bitwise_and(ink_map.ink[top:bottom, left:right], own[ink_map.labels[top:bottom, left:right]])
    angle = math.atan(line_slope(found.boxes[bodies]))
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])  # from the crop to the straightened line
    rows, columns = np.nonzero(crop)
    along, across = turn @ np.stack([columns + 0.5, rows + 0.5])
    low, high = across.min() - 0.5, across.max() + 0.5
    scale = min(_DIGIT_HEIGHT / float(np.quantile(found.height[bodies], 0.6)), _MAX_INK_HEIGHT / (high - low))
    start = along.min() - 0.5
    width = math.ceil(scale * (along.max() + 0.5 - start)) + 2 * STRIP_MARGIN
    # The centres of pixels are at halves.
    shift = np.array([STRIP_MARGIN - scale * start, STRIP_HEIGHT / 2 - scale * (low + high) / 2])
    image = _warped(crop, scale, turn, shift, width)
    back = np.linalg.inv(scale * turn)
    to_ink_map = np.column_stack([back, [left, top] - back @ shift])
    return Strip(_brightened(image), ink_map.to_picture @ np.vstack([to_ink_map, [0, 0, 1]]))


def _warped(crop: Map, scale: float, turn: NDArray[np.float64], shift: NDArray[np.float64], width: int) -> Map:
    """The crop scaled, turned, then shifted by `shift` pixels, on a strip of this width."""
    small, shrunk_by = crop, 1.0
    if scale < 1:  # by averaging first: warping alone would leave pixels out
        size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        shrunk_by = scale
    linear = scale * turn / shrunk_by
    move = np.column_stack([linear, shift + linear.sum(axis=1) / 2 - 0.5])
    return cv2.warpAffine(small, move, (width, STRIP_HEIGHT), flags=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR)


def _brightened(image: Map) -> Map:
    """With strokes as bright as MNIST's, however thin."""
    ink = image[image > 32]
    bright = float(np.quantile(ink, 0.8)) if ink.size else 255.0
    return cv2.convertScaleAbs(image, alpha=255 / bright)
