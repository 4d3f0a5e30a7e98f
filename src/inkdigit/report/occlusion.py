"""Which pixels a prediction depends on: cover a small square, predict again, and measure the loss of evidence.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2. Their square is grey;
ours is the colour of paper, which adds no ink of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigit.evaluation.calibration import MIN_PROBABILITY
from inkdigit.evaluation.metrics import doubt
from inkdigit.recognizer import Recognizer

SQUARE_SIZE = 5  # pixels, about the width of two strokes
SQUARE_STRIDE = 2  # pixels from one square to the next


@dataclass(frozen=True)
class Occlusion:
    """How the predictions for K images change when squares of them are covered.

    Attributes:
        read: (K,) int64, the digit predicted for the whole image. The other arrays are about this digit.
        before: (K,) float64, its probability in the whole image.
        lowest: (K,) float64, its lowest probability with one square covered.
        losses: (K, 28, 28) float32, by how much its log-odds fall (in nats) when a square is covered, averaged over the
            squares that cover the pixel. Negative where the digit becomes more probable without that ink.
    """

    read: NDArray[np.int64]
    before: NDArray[np.float64]
    lowest: NDArray[np.float64]
    losses: NDArray[np.float32]


def occlude(recognizer: Recognizer, images: NDArray[np.uint8]) -> Occlusion:
    """Cover every square of every image, (K, 28, 28) uint8, one at a time: about 250 predictions for each image."""
    squares = _squares()
    covering = squares.sum(axis=0)
    whole = recognizer.predict_proba(images)
    read = whole.argmax(axis=1).astype(np.int64)
    lowest, losses = np.empty(len(images)), np.empty(images.shape, np.float32)
    for k, (image, digit) in enumerate(zip(images, read, strict=True)):
        hidden = recognizer.predict_proba(np.where(squares, np.uint8(0), image))
        digits = np.full(len(hidden), digit)
        lost = _log_odds(whole[k : k + 1], digits[:1]) - _log_odds(hidden, digits)
        lowest[k] = hidden[:, digit].min()
        losses[k] = np.tensordot(lost, squares, axes=1) / covering
    return Occlusion(read, whole.max(axis=1).astype(np.float64), lowest, losses)


def _squares() -> NDArray[np.bool_]:
    """(S, 28, 28): every position of the square, positions partly outside the image included."""
    starts = np.arange(1 - SQUARE_SIZE + SQUARE_STRIDE // 2, 28, SQUARE_STRIDE)[:, None]
    pixels = np.arange(28)
    covered = (starts <= pixels) & (pixels < starts + SQUARE_SIZE)
    return (covered[:, None, :, None] & covered[None, :, None, :]).reshape(-1, 28, 28)


def _log_odds(probabilities: NDArray[np.floating], digits: NDArray[np.int64]) -> NDArray[np.float64]:
    # A confident model's probability stays at 0.999… wherever the square is; its log-odds still change.
    likelihood = probabilities[np.arange(len(digits)), digits].astype(np.float64)
    return np.log(np.maximum(likelihood, MIN_PROBABILITY)) - np.log(
        np.maximum(doubt(probabilities, digits), MIN_PROBABILITY)
    )
