"""Test-time augmentation: the mean prediction for an image and for its copies, each shifted by a pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))  # pixels down and to the right; chosen in benchmarks/RESULTS.md


def shifted_copies(images: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Copy images (N, 28, 28) uint8 once for each shift, the unshifted ones first; paper (0) comes in at the border."""
    height, width = images.shape[1:]
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return [wide[:, 1 - down : 1 - down + height, 1 - right : 1 - right + width] for down, right in SHIFTS]
