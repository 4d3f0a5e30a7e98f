"""The trained line model in ONNX Runtime: strips of ink -> where their digits are, and which. Imports no Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.reading.line_model.spec import (
    BOX_UNIT,
    DIGITS,
    DOWN,
    INPUT,
    LEFT,
    OBJECTNESS,
    OUTPUT,
    RIGHT,
    STRIDE,
    UP,
)
from inkdigit.utils.onnx_session import onnx_session

MIN_OBJECTNESS = 0.3  # probability that a digit's middle is in a column, below which there is none
MAX_OVERLAP = 0.8  # of the narrower box's width; two boxes that share more are one digit's
WIDTH_STEP = 32  # pixels: strips are padded to a multiple of this
BATCH_WIDTH = 4096  # pixels of all strips in one call of ONNX Runtime: bounds the memory

StripBox = tuple[float, float, float, float]  # left, top, right, bottom in pixels of a strip


@dataclass(frozen=True)
class DetectedDigit:
    """A digit on a strip.

    Attributes:
        objectness: the probability that there is a digit at all.
        probabilities: (10,) float64, of the digits 0 to 9, if there is one.
        box: left, top, right, bottom in pixels of the strip.
    """

    objectness: float
    probabilities: NDArray[np.float64]
    box: StripBox


class LineDetector:
    """Finds digits along strips. Serves any number of threads."""

    def __init__(self, model: bytes, threads: int = 0) -> None:
        """Open a model.

        Args:
            model: the bytes of an ONNX file as `line_model.network.to_onnx` writes it.
            threads: how many ONNX Runtime uses; 0 is one for each core.
        """
        self._session: Any = onnx_session(model, threads=threads, arena=False)

    def find(self, strips: Sequence[NDArray[np.uint8]], check: Callable[[], None]) -> list[list[DetectedDigit]]:
        """Strips (48, W) uint8, ink bright on 0 -> the digits of each, from left to right.

        check: called before each call of the model; raises to end the work.
        """
        found: list[list[DetectedDigit]] = [[] for _ in strips]
        order = sorted(range(len(strips)), key=lambda k: strips[k].shape[1])
        while order:
            check()
            width = -(-strips[order[-1]].shape[1] // WIDTH_STEP) * WIDTH_STEP
            chosen = [order.pop() for _ in range(min(max(BATCH_WIDTH // width, 1), len(order)))]
            batch = np.zeros((len(chosen), strips[0].shape[0], width), np.uint8)
            for row, k in zip(batch, chosen, strict=True):
                row[:, : strips[k].shape[1]] = strips[k]
            for k, columns in zip(chosen, self._session.run([OUTPUT], {INPUT: batch})[0], strict=True):
                found[k] = _detected(columns.astype(np.float64), strips[k].shape)
        return found


def _detected(columns: NDArray[np.float64], shape: tuple[int, ...]) -> list[DetectedDigit]:
    """The network's answer for a strip of this shape, (15, C) -> its digits, from left to right."""
    objectness = 1 / (1 + np.exp(-columns[OBJECTNESS.start]))
    padded = np.pad(objectness, 1)
    is_peak = (objectness >= MIN_OBJECTNESS) & (objectness >= padded[:-2]) & (objectness > padded[2:])
    peaks = np.flatnonzero(is_peak)
    kept: list[tuple[int, float, float]] = []
    for peak in peaks[np.argsort(-objectness[peaks])]:
        middle = (peak + 0.5) * STRIDE
        left, right = middle - BOX_UNIT * columns[LEFT, peak], middle + BOX_UNIT * columns[RIGHT, peak]
        if not any(_is_same(left, right, *other[1:]) for other in kept):
            kept.append((int(peak), left, right))
    digits: list[DetectedDigit] = []
    for peak, left, right in sorted(kept):
        logits = columns[DIGITS, peak]
        odds = np.exp(logits - logits.max())
        top, bottom = shape[0] / 2 - BOX_UNIT * columns[UP, peak], shape[0] / 2 + BOX_UNIT * columns[DOWN, peak]
        box = float(max(left, 0)), float(max(top, 0)), float(min(right, shape[1])), float(min(bottom, shape[0]))
        digits.append(DetectedDigit(float(objectness[peak]), odds / odds.sum(), box))
    return digits


def _is_same(left: float, right: float, other_left: float, other_right: float) -> bool:
    common = min(right, other_right) - max(left, other_left)
    return common > MAX_OVERLAP * min(right - left, other_right - other_left)
