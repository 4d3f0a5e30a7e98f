"""What a report shows, as plain data: no model, no framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkdigit.evaluation import Evaluation


class Setting(NamedTuple):
    """One row of the settings table; unit is "" where there is none."""

    name: str
    value: object
    unit: str
    meaning: str


class Layer(NamedTuple):
    """One layer of the network; shape is its output without the batch axis, multiply_adds are per image."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


class Stage(NamedTuple):
    """One stage of the run: its elapsed seconds, and its rate where it works on images."""

    name: str
    seconds: float
    images_per_second: float | None = None


@dataclass(frozen=True)
class Scored:
    """Labelled images that the finished model has read.

    name: what they are, as it follows "on": "28,000 held-out rows", "3,000 validation rows".
    images: (N, 28, 28) uint8; labels: (N,) int64; probabilities: (N, 10) floats, calibrated.
    temperature: the one in those probabilities; the report undoes it to show the model before calibration.
    evaluation: of just these rows.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.floating]
    temperature: float
    evaluation: Evaluation


@dataclass(frozen=True)
class Report:
    """Everything on the page.

    title, preset, source, hardware: one line of text each; source says where the training images came from.
    images: (N, 28, 28) uint8 and labels: (N,) int64, the training rows.
    augmented: (10, K, 28, 28) uint8, one row per digit, column 0 the original, the rest as training saw it.
    history: a mapping per epoch: loss, accuracy, and val_loss, val_accuracy where there were validation rows.
    learning_rates: (steps,) the rate at each step, or at any other even spacing over the epochs.
    training_seconds: elapsed time of the training alone, all fits included.
    scored: None where nothing labelled was left to score.
    memory_peak: in bytes, 0 where unknown. versions: library -> version.
    """

    title: str
    preset: str
    source: str
    settings: Sequence[Setting]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    augmented: NDArray[np.uint8]
    layers: Sequence[Layer]
    history: Sequence[Mapping[str, float]]
    learning_rates: NDArray[np.floating]
    training_seconds: float
    scored: Scored | None
    stages: Sequence[Stage]
    memory_peak: int
    hardware: str
    versions: Mapping[str, str]

    @property
    def parameters(self) -> int:
        """Weights of the network, batch-norm statistics included."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds to read one image."""
        return sum(layer.multiply_adds for layer in self.layers)
