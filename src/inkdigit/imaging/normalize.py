"""A picture whose ink is known -> its digit as (28, 28) uint8 in MNIST's form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging import IMAGE_SIZE
from inkdigit.imaging.binarize import GREY_LEVELS, LARGE_PICTURE, Thresholds
from inkdigit.imaging.components import Components, find_components
from inkdigit.imaging.crop import ink_slices

DIGIT_SIZE = 20  # pixels of the longer side of the digit in it
CENTRE = 14  # row and column of the centres of mass in MNIST, measured: 14.0, half a pixel more or less
THINNING_SIZE = 4 * DIGIT_SIZE  # pixels of a digit's longer side while its strokes are made thinner
MAX_STROKE = 3.25  # pixels at DIGIT_SIZE: strokes of nine tenths of MNIST's digits are thinner
BROAD_STROKE = 2.75  # pixels at DIGIT_SIZE: seven tenths are thinner; broader strokes are thinned to this
DUST_SIZE = 8  # pixels: in a large picture what is not longer is dust
SPECK_REACH = 2  # a spot belongs to the digit if its distance, in digit lengths, is at most this times its ink's share


def has_mnist_form(image: NDArray[np.uint8]) -> bool:
    """Whether a picture (H, W) is in MNIST's form: 28x28, bright ink of 20 pixels' length, in the middle, on 0."""
    if image.shape != (IMAGE_SIZE, IMAGE_SIZE):
        return False
    lengths: list[int] = []
    for mass in (_mass(image, 0), _mass(image, 1)):
        inked = mass.nonzero()[0]
        if not inked.size or abs(_centre(mass) - CENTRE) >= 0.53:
            return False
        lengths.append(inked[-1] - inked[0] + 1)
    return DIGIT_SIZE - 1 <= max(lengths) <= DIGIT_SIZE


def cut_out(bright: NDArray[np.uint8], thresholds: Thresholds) -> NDArray[np.uint8] | None:
    """A picture -> its digit's box, (h, w) uint8: ink stretched to 255, all else 0, specks away from it left out.

    Args:
        bright: (H, W) uint8, ink bright on dark.
        thresholds: what its grey levels mean.

    Returns:
        The box, or None where there is no ink, or a large picture has nothing but dust.
    """
    if (box := ink_slices(bright > thresholds.edge)) is None:
        return None
    part = bright[box]
    found = find_components(part > thresholds.edge)
    amount = found.count(part > thresholds.ink)
    share = amount / amount.max()
    kept = np.arange(len(share)) == share.argmax()
    top, bottom, left, right = found.box(kept)
    if max(bright.shape) >= LARGE_PICTURE and max(bottom - top, right - left) < DUST_SIZE:
        return None
    while (more := _near(found, share, (top, bottom, left, right)) & ~kept).any():
        kept |= more
        top, bottom, left, right = found.box(kept)
    ink = (found.whole if kept.all() else found.only(kept))[top:bottom, left:right]
    scale = 255 / (thresholds.ink_level - thresholds.paper_level)
    stretch = ((GREY_LEVELS - thresholds.paper_level) * scale).clip(0, 255).round().astype(np.uint8)
    return stretch[part[top:bottom, left:right]] * ink


def _near(found: Components, share: NDArray[np.float64], box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Which components are near enough to a digit in this box, for their share of ink, to be a part of it, (K,)."""
    top, bottom, left, right = box
    down = np.maximum(top - found.bottom, found.top - bottom)
    across = np.maximum(left - found.right, found.left - right)
    gap = np.maximum(down, across).clip(0) / max(bottom - top, right - left)
    return (gap <= SPECK_REACH * share) & (share > 0)


def normalize(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A digit's box (H, W) uint8, ink bright on 0 -> (28, 28) uint8 in MNIST's form.

    The digit is scaled to fit 20x20 with its proportions kept, and its centre of mass is put in the middle of 28x28
    (LeCun et al., "Gradient-based learning applied to document recognition", 1998, section III.A).
    """
    small = _resized(_thinned(digit), DIGIT_SIZE).astype(np.float32)
    # A thin stroke shrinks to grey; MNIST's strokes are bright.
    bright = np.sort(small, axis=None)[int(0.95 * small.size)]
    small = np.minimum(small * (255 / max(bright, 1)), 255)
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    image[_centred(small, 0), _centred(small, 1)] = np.rint(small)
    return image


def stroke_width(digit: NDArray[np.uint8]) -> float:
    """A picture of strokes (H, W) -> their mean width in pixels: twice their area by the length of their outline."""
    padded = np.pad(digit, 1).astype(np.float32)
    outline = np.hypot(padded[1:, 1:] - padded[:-1, 1:], padded[1:, 1:] - padded[1:, :-1]).sum()
    return float(2 * padded.sum() / outline)


def _thinned(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A large digit, made smaller; with thinner strokes where few of MNIST's digits have such broad ones."""
    if max(digit.shape) < THINNING_SIZE:
        return digit
    digit = _resized(digit, THINNING_SIZE)
    pixel = THINNING_SIZE / DIGIT_SIZE
    width = stroke_width(digit) / pixel
    if width <= MAX_STROKE:
        return digit
    for step in range(round((width - BROAD_STROKE) * pixel / 2)):
        thinner = _eroded(digit, corners=step % 2 == 1)  # alternating, which makes an octagon
        if not thinner.any():
            break
        digit = thinner
    box = ink_slices(digit)
    return digit if box is None else digit[box]


def _eroded(digit: NDArray[np.uint8], *, corners: bool) -> NDArray[np.uint8]:
    """Eroded by one pixel: by the cross of four neighbours, or with `corners` by all eight."""
    padded = np.pad(digit, 1)
    rows = np.minimum(np.minimum(padded[:-2], padded[2:]), padded[1:-1])
    columns = rows if corners else padded[1:-1]
    return np.minimum(np.minimum(columns[:, :-2], columns[:, 2:]), rows[:, 1:-1])


def _resized(digit: NDArray[np.uint8], longer_side: int) -> NDArray[np.uint8]:
    height, width = digit.shape
    scale = longer_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Pillow widens the filter when it shrinks a picture: nothing is left out between the new pixels.
    return np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BILINEAR, reducing_gap=2))


def _mass(image: NDArray[np.uint8] | NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    """How much ink there is at each place along an axis."""
    return np.add.reduce(image, 1 - axis, np.float64)


def _centre(mass: NDArray[np.float64]) -> float:
    return float(mass @ np.arange(len(mass), dtype=np.float64) / np.add.reduce(mass))


def _centred(small: NDArray[np.float32], axis: int) -> slice:
    """Where along an axis of 28 the digit goes: its centre of mass in the middle, all of it inside."""
    length = small.shape[axis]
    start = min(max(round(CENTRE - _centre(_mass(small, axis))), 0), IMAGE_SIZE - length)
    return slice(start, start + length)
