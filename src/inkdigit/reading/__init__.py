"""Pictures with handwritten digits -> the digits, as they stand."""

from __future__ import annotations

import importlib.util

from inkdigit.errors import InkdigitError


def require() -> None:
    """Raise InkdigitError where what reads lines of digits is not installed; cheap, since nothing is imported."""
    if not importlib.util.find_spec("cv2"):
        raise InkdigitError('Reading lines of digits needs OpenCV: pip install "inkdigit[read]".')
