"""The digit in a picture, cut out -> 28x28, prepared as MNIST's digits were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.imaging.binarize import LARGE, LEVELS, Thresholds
from inkdigit.imaging.components import Components, components

SIZE, BOX = 28, 20
CENTRE = 14  # row and column of the centres of mass in MNIST, measured: 14.0, half a pixel more or less
FINE = 4 * BOX  # pixels of a digit's longer side while its strokes are made thinner
BROADEST, BROAD = 3.25, 2.75  # strokes in pixels of the box: in MNIST nine of ten are thinner, seven of ten
DUST = 8  # pixels of the longer side, at least, of a digit's largest part in a large picture
SPECK = 2  # a spot is part of the digit when its distance, in the digit's lengths, is at most twice its share of ink


def has_form(image: NDArray[np.uint8]) -> bool:
    """Whether a picture (H, W) is in MNIST's form: 28x28, bright ink of 20 pixels' length, in the middle, on 0."""
    if image.shape != (SIZE, SIZE):
        return False
    lengths: list[int] = []
    for mass in (_mass(image, 0), _mass(image, 1)):
        inked = mass.nonzero()[0]
        if not inked.size or abs(_centre(mass) - CENTRE) >= 0.53:
            return False
        lengths.append(inked[-1] - inked[0] + 1)
    return BOX - 1 <= max(lengths) <= BOX


def cut_out(bright: NDArray[np.uint8], levels: Thresholds) -> NDArray[np.uint8] | None:
    """The digit's box, (H, W) uint8, its ink stretched to 255 and all else 0. Specks away from it are left out.

    bright: (H, W) uint8, ink bright on dark. levels: what its grey levels mean. None where a large picture has
    nothing but dust.
    """
    mask = bright > levels.faint
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    above, before = int(rows[0]), int(columns[0])
    part = bright[above : rows[-1] + 1, before : columns[-1] + 1]
    found = components(part > levels.faint)
    amount = found.count(part > levels.cut)
    share = amount / amount.max()
    kept = np.arange(len(share)) == share.argmax()
    top, bottom, left, right = found.box(kept)
    if max(bright.shape) >= LARGE and max(bottom - top, right - left) < DUST:
        return None
    while (more := _near(found, share, (top, bottom, left, right)) & ~kept).any():
        kept |= more
        top, bottom, left, right = found.box(kept)
    ink = (found.whole if kept.all() else found.only(kept))[top:bottom, left:right]
    stretch = ((LEVELS - levels.paper) * (255 / (levels.full - levels.paper))).clip(0, 255).round().astype(np.uint8)
    return stretch[part[top:bottom, left:right]] * ink


def _near(found: Components, share: NDArray[np.float64], box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Which components are near enough to a digit in that box for their share of ink to be a part of it, (K,)."""
    top, bottom, left, right = box
    down = np.maximum(top - found.bottom, found.top - bottom)
    aside = np.maximum(left - found.right, found.left - right)
    gap = np.maximum(down, aside).clip(0) / max(bottom - top, right - left)
    return (gap <= SPECK * share) & (share > 0)


def normalize(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A digit's box (H, W) uint8, ink bright on 0 -> (28, 28) uint8 as in MNIST.

    It is scaled to fit 20x20 with its proportions kept, and its centre of mass put in the middle of 28x28
    (LeCun et al., "Gradient-based learning applied to document recognition", 1998, section III.A).
    """
    small = _resized(_thinned(digit), BOX).astype(np.float32)
    # A thin stroke shrinks to grey; MNIST's strokes are bright.
    bright = np.sort(small, axis=None)[int(0.95 * small.size)]
    small = np.minimum(small * (255 / max(bright, 1)), 255)
    image = np.zeros((SIZE, SIZE), np.uint8)
    image[_place(small, 0), _place(small, 1)] = np.rint(small)
    return image


def stroke_width(digit: NDArray[np.uint8]) -> float:
    """The mean width of the strokes in a picture, in pixels: twice their area by the length of their outline."""
    wide = np.pad(digit, 1).astype(np.float32)
    outline = np.hypot(wide[1:, 1:] - wide[:-1, 1:], wide[1:, 1:] - wide[1:, :-1]).sum()
    return float(2 * wide.sum() / outline)


def _thinned(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A large digit, made smaller; its strokes made thinner where few are so broad in MNIST."""
    if max(digit.shape) < FINE:
        return digit
    digit = _resized(digit, FINE)
    pixel = FINE / BOX
    width = stroke_width(digit) / pixel
    if width <= BROADEST:
        return digit
    for step in range(round((width - BROAD) * pixel / 2)):
        thinner = _eroded(digit, corners=step % 2 == 1)  # in turn, which makes an octagon
        if not thinner.any():
            break
        digit = thinner
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _eroded(digit: NDArray[np.uint8], *, corners: bool) -> NDArray[np.uint8]:
    """Less a pixel on each side; corners: those across are sides too."""
    wide = np.pad(digit, 1)
    rows = np.minimum(np.minimum(wide[:-2], wide[2:]), wide[1:-1])
    columns = rows if corners else wide[1:-1]
    return np.minimum(np.minimum(columns[:, :-2], columns[:, 2:]), rows[:, 1:-1])


def _resized(digit: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """With so many pixels along the longer side."""
    height, width = digit.shape
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Pillow widens the filter when it shrinks a picture: nothing is left out between the new pixels.
    return np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BILINEAR, reducing_gap=2))


def _mass(image: NDArray[np.uint8] | NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    """How much ink there is at each place along an axis."""
    return np.add.reduce(image, 1 - axis, np.float64)


def _centre(mass: NDArray[np.float64]) -> float:
    return float(mass @ np.arange(len(mass), dtype=np.float64) / np.add.reduce(mass))


def _place(small: NDArray[np.float32], axis: int) -> slice:
    """Where along an axis of 28 the digit goes, so that its centre of mass is in the middle and all of it inside."""
    length = small.shape[axis]
    start = min(max(round(CENTRE - _centre(_mass(small, axis))), 0), SIZE - length)
    return slice(start, start + length)
