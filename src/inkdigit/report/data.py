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

SAMPLES_PER_DIGIT = 12  # training images in the picture
OCCLUDED_MISTAKES = 5  # mistakes in the occlusion picture, beside one correct image of each digit


class Setting(NamedTuple):
    """One row of the settings table; `unit` is "" for a value without a unit."""

    name: str
    value: object
    unit: str
    meaning: str


class CurvePoint(NamedTuple):
    """One run on the learning curve.

    Attributes:
        name: The run's name.
        rows: Number of rows that it was trained on.
        accuracy: A fraction.
        low: Lower end of the 95 % interval of `accuracy`.
        high: Upper end of the 95 % interval of `accuracy`.
        seconds: Elapsed time of the training.
    """

    name: str
    rows: int
    accuracy: float
    low: float
    high: float
    seconds: float


class Samples(NamedTuple):
    """Some training images of each digit.

    Attributes:
        images: (10, 12, 28, 28) uint8, each digit's images spread evenly over the rows; blank where there are fewer
            than 12.
        counts: (10,) int64, the number of training rows of each digit.
    """

    images: NDArray[np.uint8]
    counts: NDArray[np.int64]


class ImageRows(NamedTuple):
    """Scored rows whose images are kept for the report.

    Attributes:
        rows: (K,) int64, row numbers in the scored set.
        images: (K, 28, 28) uint8.
    """

    rows: NDArray[np.int64]
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class Scored:
    """The finished model's predictions for N labelled images, with the few images that the report shows.

    Attributes:
        name: What the images are, as it follows "on": "28,000 held-out rows", "3,000 validation rows".
        labels: (N,) int64.
        probabilities: (N, 10) float32, calibrated.
        calibration: The calibration in `probabilities`; the report undoes it to show the model before calibration.
        mistakes: The most confident mistakes, the most confident first.
        typical: Of each digit, the images whose true digit got the highest probability.
        strange: Of each digit, the images whose true digit got the lowest probability.
        occluded: The images of `occlusion`, in its order.
        occlusion: Which pixels those predictions depend on.
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
        """Accuracy, confusion matrix and calibration of these predictions."""
        return evaluate(self.probabilities, self.labels)


@dataclass(frozen=True)
class Report:
    """Everything on the page except the run's name and its learning curve.

    Attributes:
        preset: Name of the preset.
        source: Where the training images come from.
        settings: All settings of the training.
        samples: Some training images of each digit.
        augmented: (10, 1 + K, 28, 28) uint8, one row for each digit: column 0 is the original, the others are
            augmented copies.
        digit: (28, 28) uint8, the image that `convolutions` follows through the network.
        layers: Layers of the network; of an ensemble, those of one network (the others differ only in their weights).
        networks: Number of networks whose probabilities are averaged.
        views: Number of shifted copies of an image whose probabilities are averaged (test-time augmentation); 1
            without it.
        convolutions: Filters and feature maps of `digit`.
        history: One mapping for each epoch: loss, accuracy, and val_loss, val_accuracy if there were validation rows.
        learning_rates: (steps,) the learning rate at evenly spaced steps of the training.
        training_seconds: Elapsed time of the training only, all fits included.
        scored: Predictions for labelled images; None if no labelled images were left to score.
        stages: Elapsed time of each stage of the run.
        memory_peak: Bytes; 0 if unknown.
        hardware: One line of text.
        versions: Library -> version.
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
        """Number of weights of all networks, batch-norm statistics included."""
        return sum(layer.parameters for layer in self.layers) * self.networks

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all networks for one image, all its views included."""
        return sum(layer.multiply_adds for layer in self.layers) * self.networks * self.views


def pick_samples(digits: Dataset) -> Samples:
    """Pick 12 images of each digit from labelled rows, and count the rows of each digit."""
    tiles = np.zeros((10, SAMPLES_PER_DIGIT, 28, 28), np.uint8)
    for digit in range(10):
        rows = np.flatnonzero(digits.required_labels == digit)
        picked = rows[np.linspace(0, len(rows) - 1, min(SAMPLES_PER_DIGIT, len(rows))).astype(int)]
        tiles[digit, : len(picked)] = digits.images[picked]
    return Samples(tiles, np.bincount(digits.required_labels, minlength=10))


def collect_scored(
    name: str,
    digits: Dataset,
    probabilities: NDArray[np.floating],
    calibration: Calibration,
    recognizer: Recognizer,
) -> Scored:
    """Collect what the report shows of scored rows: all probabilities, and the images of a few rows.

    Args:
        name: What the rows are, as it follows "on".
        digits: N labelled images.
        probabilities: (N, 10) calibrated probabilities of the images.
        calibration: The calibration in `probabilities`.
        recognizer: The finished model; it reads partly covered images, to find the pixels it depends on.
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
