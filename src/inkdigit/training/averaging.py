"""Several networks as one: the mean of their probabilities, and the mean of their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import keras
import numpy as np
from keras import layers

from inkdigit.training.progress import Epoch


def average_models(models: Sequence[keras.Model]) -> keras.Model:
    """Make one model from (N, 28, 28) uint8 to the mean of the models' probabilities (N, 10)."""
    pixels = keras.Input((28, 28), dtype="uint8", name="pixels")
    probabilities: list[Any] = []
    for number, model in enumerate(models, start=1):
        model.name = f"member_{number}"
        probabilities.append(model(pixels))
    return keras.Model(pixels, layers.Average(name="probabilities")(probabilities), name="inkdigit")


def mean_curve(curves: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Make one curve of several: the mean of every figure, and the sum of the seconds."""
    epochs: list[Epoch] = []
    for same in zip(*curves, strict=True):
        figures: Any = {f.name: np.mean([getattr(epoch, f.name) for epoch in same]).item() for f in fields(Epoch)}
        seconds = sum(epoch.seconds for epoch in same)
        epochs.append(Epoch(**figures | {"epoch": same[0].epoch, "seconds": seconds}))
    return epochs
