"""Images whose pixels go from 0 to 255, or are scaled to 0–1 or 0–16: of these, a network is sure and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError

MAX_SCALED = 16  # the brightest pixel of scikit-learn's digits; ink is never so faint


def has_ink(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images (N, 28, 28) are not blank, (N,): a network takes a blank one for a 1, and is sure."""
    return np.asarray(images.any(axis=(1, 2)))


def is_scaled(pixels: NDArray[Any]) -> bool:
    """Whether the brightest pixel of images is above 0 and at most 16: they are not blank, and not from 0 to 255."""
    return bool(0 < np.max(pixels, initial=0) <= MAX_SCALED)


def scaled_sentence(where: str) -> str:
    """What to say of such images."""
    advice = "pixels go from 0 to 255, so multiply 0–1 by 255, and 0–16 by 15.9375"
    return f"No pixel of {where} is above {MAX_SCALED}: {advice}."


def check_scale(pixels: NDArray[Any], where: str) -> None:
    """Raise InkdigitError, `images-scaled`, for images that are scaled."""
    if is_scaled(pixels):
        raise InkdigitError(scaled_sentence(where), code="images-scaled")
