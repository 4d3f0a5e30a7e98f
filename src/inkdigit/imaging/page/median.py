"""A short row of numbers -> its median, fast: it is needed for each pair of components."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[Any]) -> float:
    """The median of N numbers, at least one: of a few, in a tenth of the time that NumPy's own needs to begin."""
    middle = np.sort(values)[(len(values) - 1) // 2 : len(values) // 2 + 1]
    return (float(middle[0]) + float(middle[-1])) / 2
