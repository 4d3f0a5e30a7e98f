"""Cross-validation: each row is judged by a network that never saw it, and the networks together make one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.training.trainer import Epoch, predict
from inkdigit.utils.files import atomic


class FitFunction(Protocol):
    """A training: a name for it, rows to learn from, rows to look at, and a number that its seed depends on."""

    def __call__(
        self, name: str, train: Dataset, validation: Dataset | None, number: int = 0
    ) -> tuple[keras.Model, list[Epoch]]:
        """The fitted model and its curve."""
        ...


@dataclass(frozen=True)
class CrossValidation:
    """What cross-validation gives.

    fold: (N,) int64, the fold of each row. probabilities: (N, 10) float32, uncalibrated, each row's by the model that
    never saw it. models, curves: one for each fold.
    """

    fold: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    models: list[keras.Model]
    curves: list[list[Epoch]]


def cross_validate(rows: Dataset, folds: int, seed: int, train: FitFunction, *, tta: bool = False) -> CrossValidation:
    """A model for each fold, learning from all others. tta: as in `training.predict`."""
    fold = assign_folds(len(rows), folds, seed)
    crossed = CrossValidation(fold, np.empty((len(rows), 10), np.float32), [], [])
    for number in range(folds):
        inside = fold == number
        held_out = rows.take(np.flatnonzero(inside))
        model, curve = train(f"Training {number + 1} of {folds}", rows.take(np.flatnonzero(~inside)), held_out, number)
        crossed.probabilities[inside] = predict(model, held_out.images, tta=tta)
        crossed.models.append(model)
        crossed.curves.append(curve)
    return crossed


def assign_folds(rows: int, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row, (rows,) int64 in 0 to folds - 1: equal shares, drawn by the seed."""
    return np.random.default_rng(seed).permutation(np.arange(rows) % folds)


def average_models(models: Sequence[keras.Model]) -> keras.Model:
    """One model that answers with the mean of the models' probabilities."""
    pixels = keras.Input((28, 28), dtype="uint8", name="pixels")
    answers: list[Any] = []
    for number, model in enumerate(models, start=1):
        model.name = f"member_{number}"
        answers.append(model(pixels))
    return keras.Model(pixels, layers.Average(name="probabilities")(answers), name="inkdigit")


def mean_curve(curves: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """The folds' curves as one: the mean of every figure, and the sum of the seconds."""
    epochs: list[Epoch] = []
    for same in zip(*curves, strict=True):
        figures: Any = {f.name: np.mean([getattr(epoch, f.name) for epoch in same]).item() for f in fields(Epoch)}
        seconds = sum(epoch.seconds for epoch in same)
        epochs.append(Epoch(**figures | {"epoch": same[0].epoch, "seconds": seconds}))
    return epochs


def write_out_of_fold(path: Path, rows: Dataset, fold: NDArray[np.int64], probabilities: NDArray[np.floating]) -> None:
    """A CSV with a line for each training row, in their order: its number from 0, label, fold, ten probabilities."""
    lines = ["row,label,fold," + ",".join(f"p{digit}" for digit in range(10))]
    for row, (label, part, answer) in enumerate(zip(rows.truth, fold, probabilities, strict=True)):
        lines.append(f"{row},{label},{part}," + ",".join(f"{p:.6f}" for p in answer))
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
