"""The ink of a page -> its connected components, and which of them cannot be handwriting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inkdigit.imaging.page.ink_map import InkMap
from inkdigit.imaging.page.median import median

# Pixels of a digit's height, at least: in a picture as it came, and in one that was shrunk, whose digits are sharp.
_MIN_HEIGHT, _MIN_HEIGHT_SHRUNK = 10, 6
_MAX_BORDER_SHARE = 0.4  # of a component's side; where the picture's border cuts more of it, it is not a digit
_MAX_BORDERLESS_SHARE = 0.15  # of the ring around a component; where more is as dark as it is, it is a shadow


@dataclass(frozen=True)
class InkComponents:
    """The K connected components of a page's ink.

    Attributes:
        label: (K,), each component's number in the ink map's labels.
        left: (K,), its box, in pixels of the ink map; right and bottom are not included.
        top: (K,).
        right: (K,).
        bottom: (K,).
        mass: (K,), the sum of its ink, where a pixel of full ink is 1.
        contrast: (K,), as in the ink map.
    """

    label: NDArray[np.int64]
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    right: NDArray[np.int64]
    bottom: NDArray[np.int64]
    mass: NDArray[np.float64]
    contrast: NDArray[np.float64]

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """The boxes as one array, (K, 4): left, top, right, bottom."""
        return np.stack([self.left, self.top, self.right, self.bottom], axis=1)

    @cached_property
    def height(self) -> NDArray[np.int64]:
        """Pixels, (K,)."""
        return self.bottom - self.top

    @cached_property
    def width(self) -> NDArray[np.int64]:
        """Pixels, (K,)."""
        return self.right - self.left

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """Pixels of the longer side, (K,)."""
        return np.maximum(self.height, self.width)


def ink_components(ink_map: InkMap) -> InkComponents:
    """The connected components of a page's ink, in the order of their labels."""
    flat = np.flatnonzero(ink_map.ink)
    label = ink_map.labels.ravel()[flat]
    order = np.argsort(label, kind="stable")
    label, flat = label[order], flat[order]
    first = np.flatnonzero(np.diff(label, prepend=0))
    if not first.size:
        none = np.zeros(0, np.int64)
        return InkComponents(none, none, none, none, none, np.zeros(0), np.zeros(0))
    rows, columns = np.divmod(flat, ink_map.ink.shape[1])
    mass = np.add.reduceat(ink_map.ink.ravel()[flat], first, dtype=np.float64) / 255
    low, high = np.minimum.reduceat, np.maximum.reduceat
    boxes = low(columns, first), low(rows, first), high(columns, first) + 1, high(rows, first) + 1
    return InkComponents(label[first].astype(np.int64), *boxes, mass, ink_map.contrast[label[first]])


def min_digit_height(ink_map: InkMap) -> float:
    """The height of the smallest digit that can be read, in pixels of the ink map."""
    shrunk_by = math.sqrt(abs(float(np.linalg.det(ink_map.to_picture[:, :2]))))
    return max(_MIN_HEIGHT_SHRUNK, _MIN_HEIGHT / shrunk_by)


def not_writing(ink_map: InkMap, found: InkComponents) -> list[tuple[str, NDArray[np.bool_]]]:
    """Which components of a page are not handwriting: a reason in a few words, and a mask (K,), for each reason."""
    height, width = ink_map.ink.shape
    rules = (found.width > 8 * found.height) & (found.width > 0.08 * width)
    rules |= (found.height > 16 * found.width) & (found.height > 0.25 * height)
    return [
        ("goes on beyond the picture", _touches_border(ink_map, found)),
        ("rule", rules),
        ("shadow", _shadows(ink_map, found)),
    ]


def _touches_border(ink_map: InkMap, found: InkComponents) -> NDArray[np.bool_]:
    """Which components continue beyond the picture: much of one of their sides lies on its border."""
    touching = np.zeros(len(found.label), bool)
    edges = (
        (np.s_[0], found.width),
        (np.s_[-1], found.width),
        (np.s_[:, 0], found.height),
        (np.s_[:, -1], found.height),
    )
    for edge, side in edges:
        labels = ink_map.labels[edge][ink_map.ink[edge] > 0]
        touching |= np.bincount(labels, minlength=len(ink_map.contrast))[found.label] > _MAX_BORDER_SHARE * side
    return touching


def _shadows(ink_map: InkMap, found: InkComponents) -> NDArray[np.bool_]:
    """Which components are corners of shadows: on some side, what is beside them is as dark as they are."""
    shadows = np.zeros(len(found.label), bool)
    for k in np.flatnonzero(found.mass > np.maximum(0.3 * found.height * found.width, 100)):
        label = int(found.label[k])
        if label not in ink_map.shadows:
            ink_map.shadows[label] = _is_shadow(ink_map, found, int(k))
        shadows[k] = ink_map.shadows[label]
    return shadows


def _is_shadow(ink_map: InkMap, found: InkComponents, k: int) -> bool:
    rows = slice(max(0, found.top[k] - 8), found.bottom[k] + 8)
    columns = slice(max(0, found.left[k] - 8), found.right[k] + 8)
    ink = (ink_map.ink[rows, columns] > 0).view(np.uint8)
    own = (ink_map.labels[rows, columns] == found.label[k]).view(np.uint8)
    ring = (cv2.dilate(own, np.ones((13, 13), np.uint8)) > 0) & (cv2.dilate(ink, np.ones((7, 7), np.uint8)) == 0)
    grey = ink_map.grey[rows, columns]
    beside = np.sort(grey[ring])
    if not beside.size:
        return False
    place = 0.9 * (len(beside) - 1)  # of the ninth decile, between two of the sorted values
    low, high = float(beside[int(place)]), float(beside[min(int(place) + 1, len(beside) - 1)])
    dark, light = median(grey[own > 0]), low + (high - low) * (place - int(place))
    return bool((beside < 0.6 * dark + 0.4 * light).mean() > _MAX_BORDERLESS_SHARE)
