"""Cross-validation: each row is predicted by a network that was not trained on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.training.fitter import Fit
from inkdigit.training.progress import Epoch
from inkdigit.training.trainer import predict
from inkdigit.utils.files import atomic

OUT_OF_FOLD_FILE = "out_of_fold.csv"


@dataclass(frozen=True)
class CrossValidation:
    """What cross-validation gives.

    Attributes:
        fold: (N,) int64, the fold of each row.
        probabilities: (N, 10) float32, uncalibrated, each row's by the model that was not trained on it.
        models, curves: one for each fold.
    """

    fold: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    models: list[keras.Model]
    curves: list[list[Epoch]]


def cross_validate(rows: Dataset, folds: int, seed: int, fit: Fit, *, tta: bool = False) -> CrossValidation:
    """Train a model for each fold on the rows of all other folds.

    Args:
        rows: N labelled rows.
        folds: the number of folds.
        seed: draws the folds.
        fit: trains one network.
        tta: whether the models predict with test-time augmentation.
    """
    fold = assign_folds(len(rows), folds, seed)
    crossed = CrossValidation(fold, np.empty((len(rows), 10), np.float32), [], [])
    for number in range(folds):
        inside = fold == number
        held_out = rows.take(np.flatnonzero(inside))
        model, curve = fit(rows.take(np.flatnonzero(~inside)), held_out, part=number, parts=folds)
        crossed.probabilities[inside] = predict(model, held_out.images, tta=tta)
        crossed.models.append(model)
        crossed.curves.append(curve)
    return crossed


def assign_folds(rows: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Draw the fold of each row, (rows,) int64 in 0 to folds - 1, in equal shares."""
    return np.random.default_rng(seed).permutation(np.arange(rows) % folds)


def write_out_of_fold(path: Path, rows: Dataset, fold: NDArray[np.int64], probabilities: NDArray[np.floating]) -> None:
    """Write a CSV with a line for each training row, in their order: its number from 0, label, fold, probabilities."""
    lines = ["row,label,fold," + ",".join(f"p{digit}" for digit in range(10))]
    for row, (label, part, predicted) in enumerate(zip(rows.required_labels, fold, probabilities, strict=True)):
        lines.append(f"{row},{label},{part}," + ",".join(f"{p:.6f}" for p in predicted))
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
