"""A labelled strip -> what the network should answer. Imports no Keras."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkdigit.reading.line_model.samples import LabelledStrip
from inkdigit.reading.line_model.spec import BOX, BOX_UNIT, CHANNELS, DIGITS, OBJECTNESS, STRIDE, STRIP_HEIGHT

BUMP_SPREAD = 1.0  # columns: the standard deviation of the bump at a digit's middle


def targets(strip: LabelledStrip) -> NDArray[np.float32]:
    """A labelled strip -> what the network should answer, (W / 2, 15) float32, with channels as in `spec`.

    Objectness has a bump of height 1 at the middle of each digit (Zhou, Wang and Krähenbühl, "Objects as points",
    2019); in the columns of the bump are the digit and the sides of its box.
    """
    columns = strip.image.shape[1] // STRIDE
    middles = (np.arange(columns) + 0.5) * STRIDE
    wanted = np.zeros((columns, CHANNELS), np.float32)
    for label, (left, top, right, bottom) in zip(strip.labels, strip.boxes, strict=True):
        distance = (middles - (left + right) / 2) / STRIDE
        bump = np.exp(-(distance**2) / (2 * BUMP_SPREAD**2)).astype(np.float32)
        bump[np.abs(distance).argmin()] = 1
        nearest = bump > wanted[:, 0]
        wanted[nearest, OBJECTNESS] = bump[nearest, None]
        wanted[nearest, DIGITS] = np.eye(10, dtype=np.float32)[label]
        sides = np.stack([middles - left, np.full(columns, STRIP_HEIGHT / 2 - top), right - middles], 1)
        sides = np.concatenate([sides, np.full((columns, 1), bottom - STRIP_HEIGHT / 2)], 1)
        wanted[nearest, BOX] = sides[nearest] / BOX_UNIT
    return wanted
