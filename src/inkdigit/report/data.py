"""What a report shows, as plain data: no model, no framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.calibration import Calibration
from inkdigit.evaluation.metrics import Evaluation, confident_mistakes, evaluate, typical_and_strange
from inkdigit.export.model_summary import Layer
from inkdigit.recognizer import Recognizer
from inkdigit.report.feature_maps import Convolutions
from inkdigit.report.occlusion import Occlusion, occlude
from inkdigit.utils.progress import Stage

SAMPLES = 12  # training images of each digit
OCCLUDED_MISTAKES = 5


class Setting(NamedTuple):
    """One row of the settings table; unit is "" where there is none."""

    name: str
    value: object
    unit: str
    meaning: str


class CurvePoint(NamedTuple):
    """One run on the learning curve: rows trained on, accuracy and its 95 % interval (fractions), training seconds."""

    name: str
    rows: int
    accuracy: float
    low: float
    high: float
    seconds: float


class Samples(NamedTuple):
    """What the training rows look like.

    images: (10, 12, 28, 28) uint8, a digit's images evenly spread over the rows; paper where there are fewer than 12.
    counts: (10,) int64, how many training rows of each digit there are.
    """

    images: NDArray[np.uint8]
    counts: NDArray[np.int64]


class ImageRows(NamedTuple):
    """Scored rows whose pictures are kept: their numbers (K,) int64 and their images (K, 28, 28) uint8."""

    rows: NDArray[np.int64]
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class Scored:
    """Labelled images that the finished model has read, N of them, with pictures of the few that are shown.

    name: what they are, as it follows "on": "28,000 held-out rows", "3,000 validation rows".
    labels: (N,) int64; probabilities: (N, 10) float32, calibrated.
    calibration: the one in those probabilities; the report undoes it to show the model before calibration.
    mistakes, typical, strange: see `inkdigit.evaluation.metrics`. occluded: the ones in `occlusion`, in its order.
    """

    name: str
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    calibration: Calibration
    mistakes: ImageRows
    typical: ImageRows
    strange: ImageRows
    occluded: ImageRows
    occlusion: Occlusion

    @cached_property
    def evaluation(self) -> Evaluation:
        """The figures of just these rows."""
        return evaluate(self.probabilities, self.labels)


@dataclass(frozen=True)
class Report:
    """Everything on the page but the run's name and its learning curve.

    preset, source, hardware: one line of text each; source says where the training images came from.
    augmented: (10, K, 28, 28) uint8, one row per digit, column 0 the original, the rest as training saw it.
    views: how often a network looks at an image.
    layers: of the network, or of one of the networks that answer together, which differ in their weights alone.
    digit: (28, 28) uint8, the image that is followed through the network; convolutions: what they make of it.
    history: a mapping per epoch: loss, accuracy, and val_loss, val_accuracy where there were validation rows.
    learning_rates: (steps,) the rate at each step, or at any other even spacing over the epochs.
    training_seconds: elapsed time of the training alone, all fits included.
    scored: None where nothing labelled was left to score.
    memory_peak: in bytes, 0 where unknown. versions: library -> version.
    """

    preset: str
    source: str
    settings: Sequence[Setting]
    samples: Samples
    augmented: NDArray[np.uint8]
    digit: NDArray[np.uint8]
    layers: Sequence[Layer]
    networks: int
    views: int
    convolutions: Convolutions
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
        """Weights of all networks, batch-norm statistics included."""
        return sum(layer.parameters for layer in self.layers) * self.networks

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all networks to read one image, in all its views."""
        return sum(layer.multiply_adds for layer in self.layers) * self.networks * self.views


def samples_of(digits: Dataset) -> Samples:
    """The samples of some labelled rows."""
    tiles = np.zeros((10, SAMPLES, 28, 28), np.uint8)
    for digit in range(10):
        rows = np.flatnonzero(digits.required_labels == digit)
        picked = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).astype(int)]
        tiles[digit, : len(picked)] = digits.images[picked]
    return Samples(tiles, np.bincount(digits.required_labels, minlength=10))


def scored_by(
    name: str,
    digits: Dataset,
    probabilities: NDArray[np.floating],
    calibration: Calibration,
    recognizer: Recognizer,
) -> Scored:
    """What is kept of scored rows: all probabilities, and pictures of those rows that tell something.

    recognizer: the finished model, which tells by occlusion what it looks at.
    """
    probabilities, labels = probabilities.astype(np.float32), digits.required_labels

    def shown(rows: NDArray[np.int64]) -> ImageRows:
        return ImageRows(rows, digits.images[rows])

    mistakes = confident_mistakes(probabilities, labels)
    typical, strange = typical_and_strange(probabilities, labels)
    right = np.flatnonzero(probabilities.argmax(axis=1) == labels)
    first_of_each = right[np.unique(labels[right], return_index=True)[1]]
    occluded = shown(np.concatenate([first_of_each, mistakes[:OCCLUDED_MISTAKES]]))
    return Scored(
        name,
        labels,
        probabilities,
        calibration,
        shown(mistakes),
        shown(typical),
        shown(strange),
        occluded,
        occlude(recognizer, occluded.images),
    )
