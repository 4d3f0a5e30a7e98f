"""One digit cut out of a picture -> 28x28, prepared as MNIST's digits were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkdigit.errors import InkdigitError
from inkdigit.imaging.ink import threshold

SIZE, BOX = 28, 20
CENTRE = 14  # row and column of MNIST's centres of mass, measured: 14.0, within half a pixel
FAINTEST = 32  # grey levels between paper and ink, below which there is none


def normalize(grey: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """(H, W) uint8, ink bright on dark -> (28, 28) uint8 as in MNIST, paper 0.

    The ink's box is scaled to fit 20x20 with its proportions kept, and the centre of mass put in the middle of
    28x28 (LeCun et al., "Gradient-based learning applied to document recognition", 1998, section III.A).
    name: what to call the picture in an error. Raises InkdigitError where no ink is to be seen.
    """
    ink = _ink(grey, name)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Pillow widens the filter when it shrinks a picture: nothing is left out between the new pixels.
    digit = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BILINEAR), np.float32)
    # A thin stroke shrinks to grey; MNIST's strokes are bright.
    digit = np.minimum(digit * (255 / max(np.percentile(digit, 95), 1)), 255)
    image = np.zeros((SIZE, SIZE), np.uint8)
    image[_place(digit, 0), _place(digit, 1)] = np.rint(digit)
    return image


def _ink(grey: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Stretched so that paper is 0 and ink up to 255, what is nearer to paper than to ink blanked."""
    cut = threshold(grey)
    bright = grey[grey > cut]
    paper = float(np.median(grey[grey <= cut])) if bright.size < grey.size else 0.0
    full = float(np.percentile(bright, 75)) if bright.size else 0.0
    if bright.size == grey.size or full - paper < FAINTEST:
        raise InkdigitError(f"{name} shows no ink: remove it, or take a picture with more contrast.")
    stretched = np.clip((grey - np.float32(paper)) * np.float32(255 / (full - paper)), 0, 255)
    return np.where(grey > (paper + cut) / 2, np.rint(stretched), 0).astype(np.uint8)


def _place(digit: NDArray[np.float32], axis: int) -> slice:
    """Where along an axis of 28 the digit goes, so that its centre of mass is in the middle and all of it inside."""
    length = digit.shape[axis]
    mass = digit.sum(axis=1 - axis)
    centre = float(mass @ np.arange(length) / mass.sum())
    start = min(max(round(CENTRE - centre), 0), SIZE - length)
    return slice(start, start + length)
