"""Labelled rows -> their labels, the most doubtful first, as a CSV file and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.calibration import calibrate, fit_calibration
from inkdigit.training import backend
from inkdigit.training.config import Settings
from inkdigit.utils.files import atomic
from inkdigit.utils.progress import Stopwatch

MAX_PICTURED = 60  # doubtful labels in the picture
SMALLEST_PROBABILITY = 1e-300  # its logarithm is still finite


@dataclass(frozen=True)
class LabelRanking:
    """The labels of a training set, the most doubtful first.

    Attributes:
        rows: (N,) int64, all row numbers in that order.
        probabilities: (N, 10) float64, each row's by a network that was not trained on it, in the set's own order.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def rank_labels(rows: Dataset, settings: Settings, folds: int, checkpoints: Path) -> LabelRanking:
    """Train a network for each fold on the other folds, and rank the labels by their loss.

    Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels", Journal of Artificial
    Intelligence Research 70 (2021), rank by this loss too.

    Args:
        rows: Labelled rows.
        settings: How the networks are trained.
        folds: Number of folds.
        checkpoints: A folder for the trainings' epochs; epochs found there are not trained again.
    """
    backend.prepare()
    from inkdigit.training import model
    from inkdigit.training.cross_validation import cross_validate
    from inkdigit.training.fitter import fitter

    fit = fitter(settings, model.build, Stopwatch(), checkpoints=checkpoints)
    uncalibrated = cross_validate(rows, folds, settings.seed, fit).probabilities
    calibration = fit_calibration(uncalibrated, rows.required_labels, settings.label_smoothing)
    return rank_by_loss(rows, calibrate(uncalibrated, calibration))


def rank_by_loss(rows: Dataset, probabilities: NDArray[np.float64]) -> LabelRanking:
    """Rank labels by -ln p(label), the largest first.

    Args:
        rows: N labelled rows.
        probabilities: (N, 10) calibrated probabilities, by networks that were not trained on the row.
    """
    of_label = probabilities[np.arange(len(rows)), rows.required_labels]
    losses = -np.log(np.maximum(of_label, SMALLEST_PROBABILITY))
    return LabelRanking(np.argsort(-losses, kind="stable"), probabilities)


def disagreeing_rows(rows: Dataset, ranking: LabelRanking) -> NDArray[np.int64]:
    """The rows whose label is not the predicted digit, in the ranking's order."""
    disagrees = ranking.probabilities.argmax(axis=1) != rows.required_labels
    return ranking.rows[disagrees[ranking.rows]]


def write_label_ranking(path: Path, rows: Dataset, ranking: LabelRanking) -> None:
    """Write a CSV file of all rows, the most doubtful label first.

    Its columns: row number from 0, label, predicted digit, and the probabilities of both.

    Raises:
        InkdigitError: The file cannot be written.
    """
    lines = ["row,label,read,p_label,p_read"]
    for row in ranking.rows:
        probabilities, label = ranking.probabilities[row], rows.required_labels[row]
        lines.append(f"{row},{label},{probabilities.argmax()},{probabilities[label]:.3g},{probabilities.max():.3g}")
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_doubtful_labels(rows: Dataset, ranking: LabelRanking, shown: NDArray[np.int64]) -> bytes:
    """A PNG of the rows `shown`, each with its label, the predicted digit and its row number."""
    from inkdigit.report.image_grids import captioned_digits, misread_captions
    from inkdigit.report.rendering import draw_pngs
    from inkdigit.report.style import MUTED

    captions = [
        [*misread_captions(int(label), ranking.probabilities[row]), (f"row {row}", MUTED)]
        for row, label in zip(shown, rows.required_labels[shown], strict=True)
    ]
    figures = ((name, captioned_digits(rows.images[shown], captions)) for name in ("doubtful",))
    return draw_pngs(figures)["doubtful.png"]
