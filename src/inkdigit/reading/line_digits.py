"""The ink of a strip's digits, piece by piece: what the recognizer says of each that stands alone, and what is left."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.normalize import normalize
from inkdigit.reading.line_model.detector import Spot
from inkdigit.recognizer import Recognizer

Boxes = Sequence[tuple[float, float, float, float]]  # left, top, right, bottom in pixels of a strip

_INK = 48  # of 255: less is a stroke's soft edge, which joins neighbours
_WHOLE = 0.8  # of a piece of ink inside a digit's box: it is the digit's
_HALF = 0.2  # the recognizer's part in what a digit that stands alone is
_TALL = 9  # pixels of a strip that is 48 high: ink less long is a sign or dirt, and not worth a word


def classify_digits(strip: NDArray[np.uint8], spots: Sequence[Spot], recognizer: Recognizer) -> NDArray[np.float64]:
    """Of each of N digits on a strip its ten probabilities, (N, 10).

    The detector sees a digit among its neighbours; the recognizer sees it alone, if it touches none, and is the better
    judge. Their probabilities are multiplied.
    """
    found = np.array([spot.probabilities for spot in spots]).reshape(-1, 10)
    alone = [(k, image) for k, image in enumerate(_alone(strip, [spot.box for spot in spots])) if image is not None]
    if alone:
        rows = [k for k, _ in alone]
        second = recognizer.predict_proba(np.stack([image for _, image in alone]))
        odds = found[rows] ** (1 - _HALF) * np.maximum(second, 1e-6) ** _HALF
        found[rows] = odds / odds.sum(1, keepdims=True)
    return found


def unclaimed_ink(strip: NDArray[np.uint8], spots: Sequence[Spot]) -> list[tuple[float, float, float, float]]:
    """The boxes of ink that is no digit's."""
    _, labels, stats, _ = _components(strip)
    owned = _owners(labels, stats, [spot.box for spot in spots]).max(0, initial=0) > 0.3
    boxes = [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h, _ in stats.tolist()]
    return [box for k, box in enumerate(boxes) if k and not owned[k] and max(stats[k, 2:4]) >= _TALL]


def _alone(strip: NDArray[np.uint8], boxes: Boxes) -> list[NDArray[np.uint8] | None]:
    """Each digit's own ink as the recognizer wants it, (28, 28) uint8; None for one that touches another."""
    _, labels, stats, _ = _components(strip)
    owners = _owners(labels, stats, boxes)
    images: list[NDArray[np.uint8] | None] = []
    for share in owners:
        mine = share > _WHOLE
        mine[0] = False
        touching = (share[1:] * stats[1:, 4] > 0.25 * max((share * stats[:, 4] * mine).sum(), 1)) & ~mine[1:]
        if touching.any() or not mine.any():
            images.append(None)
            continue
        left, top = stats[mine, 0].min(), stats[mine, 1].min()
        right, bottom = (stats[mine, 0] + stats[mine, 2]).max(), (stats[mine, 1] + stats[mine, 3]).max()
        part = slice(top, bottom), slice(left, right)
        images.append(normalize(np.where(mine[labels[part]], strip[part], 0).astype(np.uint8)))
    return images


def _components(strip: NDArray[np.uint8]) -> tuple[int, NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    return cv2.connectedComponentsWithStats((strip > _INK).view(np.uint8), connectivity=8)  # type: ignore[return-value]


def _owners(labels: NDArray[np.int32], stats: NDArray[np.int32], boxes: Boxes) -> NDArray[np.float64]:
    """How much of each component, (K,) with the paper, is in each of N boxes: (N, K) from 0 to 1."""
    shares = np.zeros((len(boxes), len(stats)))
    for row, (left, top, right, bottom) in zip(shares, boxes, strict=True):
        part = labels[max(int(top) - 1, 0) : int(bottom) + 2, max(int(left) - 1, 0) : int(right) + 2]
        row[:] = np.bincount(part.ravel(), minlength=len(stats)) / stats[:, 4]
    shares[:, 0] = 0
    return shares
