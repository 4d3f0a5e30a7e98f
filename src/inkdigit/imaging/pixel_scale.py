"""Images whose pixels go from 0 to 255, or are scaled to 0–1 or 0–16: of these, a network is sure and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.imaging import IMAGE_SIZE

_FROM_32 = np.uint64(0xE0E0E0E0E0E0E0E0)  # a bit of eight pixels of 32 or more
MAX_SCALED = 16  # the brightest pixel of scikit-learn's digits; ink is never so faint


def has_ink(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images (N, 28, 28) are not blank, (N,): a network takes a blank one for a 1, and is sure."""
    return np.asarray(images.any(axis=(1, 2)))


def all_have_ink(images: NDArray[np.uint8]) -> bool:
    """Whether no image (N, 28, 28) is blank."""
    return _is_clear(images) or bool(has_ink(images).all())


def is_scaled(pixels: NDArray[Any]) -> bool:
    """Whether the brightest pixel of images is above 0 and at most 16: they are not blank, and not from 0 to 255."""
    return not _is_clear(pixels) and bool(pixels.size) and bool(0 < pixels.max() <= MAX_SCALED)


def _is_clear(pixels: NDArray[Any]) -> bool:
    """Whether these are one image with a pixel of 32 or more, which is neither blank nor scaled.

    Eight pixels are looked at in one number: over more than 500 numbers NumPy lets other threads run, and the server's
    event loop would wait for them.
    """
    if pixels.size != IMAGE_SIZE**2 or pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
        return False
    return bool((pixels.reshape(-1).view(np.uint64) & _FROM_32).any())


def scaled_sentence(where: str) -> str:
    """What to say of such images."""
    advice = "pixels go from 0 to 255, so multiply 0–1 by 255, and 0–16 by 15.9375"
    return f"No pixel of {where} is above {MAX_SCALED}: {advice}."


def check_scale(pixels: NDArray[Any], where: str) -> None:
    """Raise InkdigitError, `images-scaled`, for images that are scaled."""
    if is_scaled(pixels):
        raise InkdigitError(scaled_sentence(where), code="images-scaled")
