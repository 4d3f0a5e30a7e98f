"""A recognizer that a test can stop in the middle of its work."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from inkdigit.recognizer import Recognizer
from tests.onnx_models import linear_model

PATIENCE = 30.0  # seconds that a test may take


class GatedRecognizer(Recognizer):
    """Waits for `gate` before each prediction.

    Attributes:
        gate: set it to let predictions pass.
        entered: set when the first prediction waits.
        sizes: the number of images in each prediction.
    """

    def __init__(self) -> None:
        super().__init__(linear_model())
        self.gate, self.entered = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What a Recognizer predicts."""
        self.sizes.append(len(images))
        self.entered.set()
        assert self.gate.wait(PATIENCE)
        return super().predict_proba(images)
