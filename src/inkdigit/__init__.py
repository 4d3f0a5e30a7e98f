"""Handwritten digits, from training to API.

>>> from inkdigit import Recognizer
>>> probabilities = Recognizer.load("runs/fast").predict_proba(images)  # (N, 28, 28) uint8 -> (N, 10) float32
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# ONNX Runtime reads it when it is imported, and would else keep a device id and contact its maker. Every process that
# uses Inkdigit comes by here first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from inkdigit.estimator import DigitClassifier as DigitClassifier
    from inkdigit.imaging.preprocess import prepare as prepare
    from inkdigit.reading.reader import read as read
    from inkdigit.recognizer import Recognizer as Recognizer

    __version__: str

__all__ = ["DigitClassifier", "Recognizer", "__version__", "prepare", "read"]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that `import inkdigit` costs next to nothing."""
    if name == "Recognizer":
        from inkdigit.recognizer import Recognizer

        return Recognizer
    if name == "DigitClassifier":
        from inkdigit.utils.extras import require_extra

        require_extra("sklearn", "DigitClassifier")
        from inkdigit.estimator import DigitClassifier

        return DigitClassifier
    if name == "prepare":
        from inkdigit.imaging.preprocess import prepare

        return prepare
    if name == "read":
        from inkdigit.utils.extras import require_extra

        require_extra("read", "Reading lines of digits")
        from inkdigit.reading.reader import read

        return read
    if name == "__version__":
        from importlib.metadata import version

        return version("inkdigit")
    raise AttributeError(f"module 'inkdigit' has no attribute {name!r}")
