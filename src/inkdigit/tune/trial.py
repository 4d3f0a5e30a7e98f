"""One trial: a training that reports each epoch and asks whether to continue."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import calibrate, fit_calibration, negative_log_likelihood
from inkdigit.training import backend, model, trainer
from inkdigit.training.config import Settings
from inkdigit.training.progress import Epoch
from inkdigit.tune.engine import EpochReport, TrialData, TrialEnded


class TrialStopped(Exception):  # noqa: N818 -- not an error: the search has seen enough
    """Ends a training from within."""


def train(number: int, settings: Settings, data: TrialData, report: Callable[[EpochReport], bool]) -> TrialEnded:
    """Train trial `number`. Its seed and the order of every sum are fixed: done again, it gives the same figures.

    Args:
        number: of the trial.
        settings: what it tries.
        data: rows to train and to score on.
        report: called after each epoch; returns whether to go on.

    Returns:
        With the error, where the settings cannot be trained.
    """
    backend.seed_everything(settings.seed, deterministic=True)
    progress = EpochReporter(number, report)

    def val_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
        return calibrated_loss(probabilities, labels, settings.label_smoothing)

    try:
        with backend.memory_errors():
            trainer.fit(model.build, data.train, data.validation, settings, progress, val_loss=val_loss)
    except TrialStopped:
        return TrialEnded(number)
    except InkdigitError as error:
        return TrialEnded(number, str(error))
    return TrialEnded(number)


def calibrated_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int64], label_smoothing: float) -> float:
    """Mean of -ln p(label) at the temperature that suits the rows best, as the end of a training fits it.

    Without calibration, settings would win by how confident the network is, such as by less label smoothing, and not by
    what it reads.

    Args:
        probabilities: (N, 10), uncalibrated.
        labels: (N,) int64.
        label_smoothing: what the network was trained with.
    """
    calibration = fit_calibration(probabilities, labels, label_smoothing)
    return negative_log_likelihood(calibrate(probabilities, calibration), labels)


class EpochReporter:
    """A training's `Progress` that reports each epoch, and ends the training where the reply is no."""

    def __init__(self, number: int, report: Callable[[EpochReport], bool]):
        self.number, self.report = number, report
        self.started = time.perf_counter()

    def resume(self, history: list[Epoch]) -> None:
        """A trial keeps no checkpoints."""

    def step(self) -> None:
        """Batches are not reported."""

    def epoch(self, epoch: Epoch) -> None:
        """Report the epoch and wait for the reply. Raises TrialStopped where that is no."""
        if epoch.val_loss is None or epoch.val_accuracy is None:
            raise ValueError("a trial is scored on validation rows")
        seconds = time.perf_counter() - self.started
        if not self.report(EpochReport(self.number, epoch.epoch, epoch.val_loss, epoch.val_accuracy, seconds)):
            raise TrialStopped
