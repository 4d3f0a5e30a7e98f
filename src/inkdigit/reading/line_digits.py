"""The digits detected on a strip, and its ink -> which digits they are, and the ink that belongs to none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.normalize import normalize
from inkdigit.reading.line_model.detector import DetectedDigit, StripBox
from inkdigit.recognizer import BATCH_SIZE, Recognizer

RECOGNIZER_WEIGHT = 0.2  # the recognizer's part in naming a digit that stands alone; the rest is the line model's

_MIN_INK = 48  # of 255: less is a stroke's soft edge, which joins neighbours
_MIN_OWN_SHARE = 0.8  # of a piece of ink inside a digit's box: the piece belongs to the digit
_MAX_FOREIGN_SHARE = 0.25  # of a digit's own ink: if its box holds more ink of another piece, the digit touches it
_MIN_CLAIMED_SHARE = 0.3  # of a piece of ink inside some digit's box: the piece is not rejected
_MIN_REJECTED_SIZE = 9  # pixels of a strip 48 high: smaller ink is a sign or dirt, and is not reported


def classify_digits(
    strips: Sequence[NDArray[np.uint8]],
    detected: Sequence[Sequence[DetectedDigit]],
    recognizer: Recognizer,
    check: Callable[[], None],
) -> list[NDArray[np.float64]]:
    """Strips (48, W) uint8 and the N digits on each -> the ten probabilities of each digit, (N, 10) for each strip.

    The line model sees a digit among its neighbours; the recognizer sees it alone, if it touches none, and is the
    better judge. Their probabilities are multiplied, each raised to its weight.

    check: called again and again; raises to end the work.
    """
    images: list[NDArray[np.uint8] | None] = []
    for strip, digits in zip(strips, detected, strict=True):
        check()
        images += _standing_alone(strip, [digit.box for digit in digits])
    probabilities = np.array([digit.probabilities for digits in detected for digit in digits]).reshape(-1, 10)
    alone = [(k, image) for k, image in enumerate(images) if image is not None]
    for start in range(0, len(alone), BATCH_SIZE):
        check()
        part = alone[start : start + BATCH_SIZE]
        rows = [k for k, _ in part]
        second = recognizer.predict_proba(np.stack([image for _, image in part]))
        odds = probabilities[rows] ** (1 - RECOGNIZER_WEIGHT) * np.maximum(second, 1e-6) ** RECOGNIZER_WEIGHT
        probabilities[rows] = odds / odds.sum(1, keepdims=True)
    rows_left = iter(probabilities)
    return [np.array(list(islice(rows_left, len(digits)))).reshape(-1, 10) for digits in detected]


def unclaimed_ink(strip: NDArray[np.uint8], digits: Sequence[DetectedDigit]) -> list[StripBox]:
    """A strip (48, W) uint8 and the digits on it -> the boxes of pieces of ink that are in no digit's box."""
    labels, stats = _components(strip)
    claimed = _shares(labels, stats, [digit.box for digit in digits]).max(0, initial=0) > _MIN_CLAIMED_SHARE
    boxes = [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h, _ in stats.tolist()]
    return [box for k, box in enumerate(boxes) if k and not claimed[k] and max(stats[k, 2:4]) >= _MIN_REJECTED_SIZE]


def _standing_alone(strip: NDArray[np.uint8], boxes: Sequence[StripBox]) -> list[NDArray[np.uint8] | None]:
    """Each digit's own ink in MNIST's form, (28, 28) uint8; None for a digit that touches another."""
    labels, stats = _components(strip)
    images: list[NDArray[np.uint8] | None] = []
    for share in _shares(labels, stats, boxes):
        own = share > _MIN_OWN_SHARE
        own[0] = False  # the paper
        own_ink = max((share * stats[:, 4] * own).sum(), 1)
        touching = (share[1:] * stats[1:, 4] > _MAX_FOREIGN_SHARE * own_ink) & ~own[1:]
        if touching.any() or not own.any():
            images.append(None)
            continue
        left, top = stats[own, 0].min(), stats[own, 1].min()
        right, bottom = (stats[own, 0] + stats[own, 2]).max(), (stats[own, 1] + stats[own, 3]).max()
        part = slice(top, bottom), slice(left, right)
        images.append(normalize(np.where(own[labels[part]], strip[part], 0).astype(np.uint8)))
    return images


def _components(strip: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The labels (48, W) of a strip's K components, the paper's is 0, and OpenCV's statistics of them, (K, 5)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((strip > _MIN_INK).view(np.uint8), connectivity=8)
    return labels, stats  # type: ignore[return-value]


def _shares(labels: NDArray[np.int32], stats: NDArray[np.int32], boxes: Sequence[StripBox]) -> NDArray[np.float64]:
    """How much of each of K components, 0 to 1, is inside each of N boxes, (N, K); the paper has 0."""
    shares = np.zeros((len(boxes), len(stats)))
    for row, (left, top, right, bottom) in zip(shares, boxes, strict=True):
        part = labels[max(int(top) - 1, 0) : int(bottom) + 2, max(int(left) - 1, 0) : int(right) + 2]
        row[:] = np.bincount(part.ravel(), minlength=len(stats)) / stats[:, 4]
    shares[:, 0] = 0
    return shares
