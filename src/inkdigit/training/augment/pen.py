"""Digits as other pens, forms and scanners give them, once `prepare` has been over them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.crop import ink_slices
from inkdigit.imaging.normalize import normalize, stroke_width

SIDE = 28
BOX = 20  # of the prepared digit
FINE = 60  # pixels of the longer side while a digit is written anew: with more, `normalize` would make it thinner
INK = 64  # grey level from which a pixel belongs to the digit's box

Picture = NDArray[np.uint8]


def redraw(images: Picture, rng: np.random.Generator) -> Picture:
    """Each digit (N, 28, 28) uint8 written anew: (N, 28, 28) uint8. What has no ink stays as it is.

    It is slanted, stretched, written with another pen, perhaps scanned coarsely, and put in MNIST's form again as
    `prepare` does it.
    """
    return np.stack([_rewritten(image, rng) for image in images]) if len(images) else images


def _rewritten(image: Picture, rng: np.random.Generator) -> Picture:
    ink = _cut(_slanted(image, rng))
    if ink is None:
        return image
    ink = _written(_stretched(ink, rng), rng)
    if rng.random() < 0.15:
        ink = _cropped(ink, rng)
    if rng.random() < 0.4:
        ink = _coarse(ink, rng)
    box = _cut(ink)
    return image if box is None else _printed(normalize(box), rng)


def _slanted(image: Picture, rng: np.random.Generator) -> Picture:
    """Drawn three times as large, upright strokes leaning to either side."""
    scale, slope = 3.0, rng.uniform(-0.45, 0.35)
    side = int(SIDE * scale)
    middle = (side - 1) / 2
    shift = (SIDE - 1) / 2
    matrix = np.array(
        [[scale, scale * slope, middle - scale * (1 + slope) * shift], [0, scale, middle - scale * shift]]
    )
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC), np.uint8)


def _cut(image: Picture) -> Picture | None:
    box = ink_slices(image >= INK)
    return None if box is None else image[box]


def _stretched(digit: Picture, rng: np.random.Generator) -> Picture:
    """To other proportions; every second digit to a box that is nearly square, as forms and old data sets give it."""
    aspect = digit.shape[1] / digit.shape[0]
    aspect = math.exp(rng.normal(0, 0.15)) if rng.random() < 0.5 else aspect * math.exp(rng.normal(0, 0.25))
    size = max(3, round(FINE * min(aspect, 1))), max(3, round(FINE * min(1 / aspect, 1)))
    return np.asarray(cv2.resize(digit, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _written(digit: Picture, rng: np.random.Generator) -> Picture:
    """With sharp strokes of another width."""
    sharp = np.pad(((digit.astype(np.int16) - 128) * 3 + 128).clip(0, 255).astype(np.uint8), 6)
    wanted = rng.uniform(1.4, 3.8) * FINE / BOX
    change = round(wanted - stroke_width(sharp))
    if not change:
        return sharp
    side = min(abs(change), 9) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    changed = cv2.dilate(sharp, kernel) if change > 0 else cv2.erode(sharp, kernel)
    return np.asarray(changed, np.uint8) if 2 * np.count_nonzero(changed > 127) > FINE else sharp


def _cropped(digit: Picture, rng: np.random.Generator) -> Picture:
    """With a little cut off on any side."""
    box = _cut(digit)
    if box is None:
        return digit
    top, bottom, left, right = (rng.uniform(0, 0.12, 4) * np.repeat(box.shape, 2)).astype(int)
    return box[top : box.shape[0] - bottom, left : box.shape[1] - right]


def _coarse(digit: Picture, rng: np.random.Generator) -> Picture:
    """Black and white in few pixels."""
    box = _cut(digit)
    if box is None:
        return digit
    scale = rng.integers(12, 21) / max(box.shape)
    size = max(2, round(box.shape[1] * scale)), max(2, round(box.shape[0] * scale))
    small = np.asarray(cv2.resize(box, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.where(small > rng.integers(70, 150), 255, 0).astype(np.uint8)


def _printed(image: Picture, rng: np.random.Generator) -> Picture:
    """Softer or harder, paler or darker, uneven, and not quite in the middle."""
    values = image.astype(np.float32)
    if rng.random() < 0.5:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.3, 0.9))
    values = 255 * (values / 255) ** math.exp(rng.uniform(-0.5, 0.5)) * rng.uniform(0.95, 1.3)
    values *= 1 + rng.uniform(0, 0.1) * rng.standard_normal(values.shape, np.float32)
    down, right = rng.integers(0, 3, 2)
    return np.pad(values.clip(0, 255).astype(np.uint8), 1)[down : down + SIDE, right : right + SIDE]
