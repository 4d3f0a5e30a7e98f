"""Digits as other pens, forms and scanners would show them, in MNIST's form as `prepare` makes it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging import IMAGE_SIZE
from inkdigit.imaging.crop import ink_slices
from inkdigit.imaging.normalize import normalize, stroke_width

DIGIT_SIZE = 20  # pixels of the longer side of a prepared digit
REDRAWN_SIZE = 60  # pixels of the longer side while a digit is redrawn; with more, `normalize` would make it thinner
INK_LEVEL = 64  # grey level from which a pixel belongs to the digit
SLANT_SCALE = 3.0  # a digit is enlarged by this factor before it is slanted
SLOPES = (-0.45, 0.35)  # of upright strokes, to the left and to the right
STROKE_WIDTHS = (1.4, 3.8)  # pixels of a prepared digit
CROPPED_SHARE = 0.15  # of the digits
MAX_CROP = 0.12  # of a side
COARSE_SHARE = 0.4  # of the digits
COARSE_SIZES = (12, 21)  # pixels of the longer side, the second one excluded
COARSE_THRESHOLDS = (70, 150)  # grey levels, the second one excluded

Picture = NDArray[np.uint8]


def redraw(images: Picture, rng: np.random.Generator) -> Picture:
    """Redraw digits (N, 28, 28) uint8 with other pens: (N, 28, 28) uint8.

    Each is slanted, stretched, drawn with another pen, perhaps scanned coarsely, and put in MNIST's form again, as
    `prepare` does it. An image without ink stays as it is.

    Args:
        images: ink bright on dark.
        rng: draws every change.
    """
    return np.stack([_redraw_one(image, rng) for image in images]) if len(images) else images


def _redraw_one(image: Picture, rng: np.random.Generator) -> Picture:
    ink = _crop_to_ink(_slant(image, rng))
    if ink is None:
        return image
    ink = _change_stroke_width(_stretch(ink, rng), rng)
    if rng.random() < CROPPED_SHARE:
        ink = _crop_sides(ink, rng)
    if rng.random() < COARSE_SHARE:
        ink = _scan_coarsely(ink, rng)
    box = _crop_to_ink(ink)
    return image if box is None else _print_unevenly(normalize(box), rng)


def _slant(image: Picture, rng: np.random.Generator) -> Picture:
    """Enlarge an image and let its upright strokes lean to either side."""
    scale, slope = SLANT_SCALE, rng.uniform(*SLOPES)
    size = int(IMAGE_SIZE * scale)
    centre, old_centre = (size - 1) / 2, (IMAGE_SIZE - 1) / 2
    matrix = np.array(
        [
            [scale, scale * slope, centre - scale * (1 + slope) * old_centre],
            [0, scale, centre - scale * old_centre],
        ]
    )
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_CUBIC), np.uint8)


def _crop_to_ink(image: Picture) -> Picture | None:
    box = ink_slices(image >= INK_LEVEL)
    return None if box is None else image[box]


def _stretch(digit: Picture, rng: np.random.Generator) -> Picture:
    """Change the proportions; every second digit fills a box that is nearly square, as in forms and old data sets."""
    aspect = digit.shape[1] / digit.shape[0]
    aspect = math.exp(rng.normal(0, 0.15)) if rng.random() < 0.5 else aspect * math.exp(rng.normal(0, 0.25))
    size = max(3, round(REDRAWN_SIZE * min(aspect, 1))), max(3, round(REDRAWN_SIZE * min(1 / aspect, 1)))
    return np.asarray(cv2.resize(digit, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _change_stroke_width(digit: Picture, rng: np.random.Generator) -> Picture:
    """Make the strokes sharp, and thinner or broader."""
    sharp = np.pad(((digit.astype(np.int16) - 128) * 3 + 128).clip(0, 255).astype(np.uint8), 6)
    wanted = rng.uniform(*STROKE_WIDTHS) * REDRAWN_SIZE / DIGIT_SIZE
    change = round(wanted - stroke_width(sharp))
    if not change:
        return sharp
    size = min(abs(change), 9) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    changed = cv2.dilate(sharp, kernel) if change > 0 else cv2.erode(sharp, kernel)
    too_little_left = 2 * np.count_nonzero(changed > 127) <= REDRAWN_SIZE
    return sharp if too_little_left else np.asarray(changed, np.uint8)


def _crop_sides(digit: Picture, rng: np.random.Generator) -> Picture:
    """Cut a little off each side."""
    box = _crop_to_ink(digit)
    if box is None:
        return digit
    top, bottom, left, right = (rng.uniform(0, MAX_CROP, 4) * np.repeat(box.shape, 2)).astype(int)
    return box[top : box.shape[0] - bottom, left : box.shape[1] - right]


def _scan_coarsely(digit: Picture, rng: np.random.Generator) -> Picture:
    """Make a digit black and white in few pixels."""
    box = _crop_to_ink(digit)
    if box is None:
        return digit
    scale = rng.integers(*COARSE_SIZES) / max(box.shape)
    size = max(2, round(box.shape[1] * scale)), max(2, round(box.shape[0] * scale))
    small = np.asarray(cv2.resize(box, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.where(small > rng.integers(*COARSE_THRESHOLDS), 255, 0).astype(np.uint8)


def _print_unevenly(image: Picture, rng: np.random.Generator) -> Picture:
    """Make an image softer or harder, paler or darker, noisy, and shift it by up to a pixel."""
    values = image.astype(np.float32)
    if rng.random() < 0.5:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.3, 0.9))
    values = 255 * (values / 255) ** math.exp(rng.uniform(-0.5, 0.5)) * rng.uniform(0.95, 1.3)
    values *= 1 + rng.uniform(0, 0.1) * rng.standard_normal(values.shape, np.float32)
    down, right = rng.integers(0, 3, 2)
    padded = np.pad(values.clip(0, 255).astype(np.uint8), 1)
    return padded[down : down + IMAGE_SIZE, right : right + IMAGE_SIZE]
