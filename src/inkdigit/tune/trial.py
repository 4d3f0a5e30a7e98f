"""One trial: a training that tells each epoch's figures and hears whether to go on."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import calibrate, fit_calibration, negative_log_likelihood
from inkdigit.training import backend, model, trainer
from inkdigit.training.config import Settings
from inkdigit.training.trainer import Epoch
from inkdigit.tune.engine import Ended, Reported, Rows


class Enough(Exception):  # noqa: N818 -- nothing is wrong
    """The training has shown what was to be seen."""


def train(number: int, settings: Settings, rows: Rows, report: Callable[[Reported], bool]) -> Ended:
    """Train trial `number`; `report` is told each epoch's figures and says whether to go on.

    Seed and order of every sum are fixed, so that a trial that is done again gives the same figures.
    """
    backend.seed_everything(settings.seed, deterministic=True)
    curve = Curve(number, report)

    def val_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
        return calibrated_loss(probabilities, labels, settings.label_smoothing)

    try:
        with backend.memory_errors():
            trainer.fit(model.build, rows.train, rows.validation, settings, curve, val_loss=val_loss)
    except Enough:
        return Ended(number)
    except InkdigitError as error:
        return Ended(number, str(error))
    return Ended(number)


def calibrated_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int64], label_smoothing: float) -> float:
    """Mean of -ln p(label) at the temperature that suits the rows best, as a training's end fits it.

    Without it, settings would win by how sure the network is, such as less label smoothing, and not by what it reads.
    """
    return negative_log_likelihood(
        calibrate(probabilities, fit_calibration(probabilities, labels, label_smoothing)), labels
    )


class Curve:
    """Hands each epoch on, and ends the training where told so."""

    def __init__(self, number: int, report: Callable[[Reported], bool]):
        self.number, self.report = number, report
        self.started = time.perf_counter()

    def resume(self, history: list[Epoch]) -> None:
        """A trial begins at its beginning."""

    def step(self) -> None:
        """Nobody counts batches."""

    def epoch(self, epoch: Epoch) -> None:
        """One epoch is done."""
        if epoch.val_loss is None or epoch.val_accuracy is None:
            raise ValueError("a trial is looked at on validation rows")
        seconds = time.perf_counter() - self.started
        if not self.report(Reported(self.number, epoch.epoch, epoch.val_loss, epoch.val_accuracy, seconds)):
            raise Enough
