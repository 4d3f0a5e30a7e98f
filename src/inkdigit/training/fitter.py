"""How every job trains a network: seeded, timed, with its progress shown, and each epoch kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.calibration import Calibration
from inkdigit.training import backend
from inkdigit.training.config import Settings
from inkdigit.training.progress import TrainingProgress
from inkdigit.training.schedule import steps_per_epoch
from inkdigit.training.tensorboard import record_epochs
from inkdigit.utils.progress import Stopwatch

if TYPE_CHECKING:
    import keras

    from inkdigit.training.progress import Epoch, Progress
    from inkdigit.training.trainer import Teacher

TRAINING, REFIT = "training", "refit"  # names of stages
TITLES = {TRAINING: "Training", REFIT: "Refit on all rows"}


@dataclass(frozen=True)
class FitResult:
    """What the training gave. Curve and calibration belong to networks that were not trained on the validation rows.

    Attributes:
        model: the one to keep, in float32.
        calibration: fitted on the validation rows.
        history: the curve.
        validation: (N, 10), calibrated probabilities of the validation rows by such networks, where the model to keep
            was trained on those rows; else None.
    """

    model: keras.Model
    calibration: Calibration
    history: list[Epoch]
    validation: NDArray[np.float64] | None = None


class Fit(Protocol):
    """Trains a network."""

    def __call__(
        self, train: Dataset, validation: Dataset | None, *, stage: str = TRAINING, part: int = 0, parts: int = 1
    ) -> tuple[keras.Model, list[Epoch]]:
        """Train a fresh network and return it with its curve.

        Args:
            train: the rows to train on.
            validation: the rows to draw the curve on, if any.
            stage: the name of the stage, TRAINING or REFIT.
            part: the number of this training, from 0, among several of the same stage; the seed depends on it.
            parts: the number of those trainings.
        """
        ...


MakeProgress = Callable[[Stopwatch, str, int, int, int], "AbstractContextManager[Progress]"]


def fitter(
    settings: Settings,
    build: Callable[[Settings], keras.Model],
    watch: Stopwatch,
    *,
    checkpoints: Path | None = None,
    member: int = 0,
    deterministic: bool = False,
    teacher: Teacher | None = None,
    events: Path | None = None,
    make_progress: MakeProgress = TrainingProgress,
) -> Fit:
    """Make the function that trains networks with these settings.

    Args:
        settings: of the training.
        build: makes a fresh Keras model.
        watch: times each training.
        checkpoints: a folder; each training keeps its epochs in a file there and continues from that file.
        member: added to the training's seed, for the members of an ensemble.
        deterministic: whether the same seed gives exactly the same figures.
        teacher: whose probabilities are learned beside the labels.
        events: a folder for TensorBoard's event files.
        make_progress: shows the progress of one training; gets the stopwatch, a title, and the numbers of epochs, of
            steps in an epoch, and of images in a step.
    """
    from inkdigit.training import trainer

    def fit(
        train: Dataset, validation: Dataset | None, *, stage: str = TRAINING, part: int = 0, parts: int = 1
    ) -> tuple[keras.Model, list[Epoch]]:
        seeded = dataclasses.replace(settings, seed=(settings.seed + member + part) % 2**32)
        backend.seed_everything(seeded.seed, deterministic=deterministic)
        steps = steps_per_epoch(len(train), settings)
        name = f"{stage}-{part + 1}" if parts > 1 else stage
        title = f"{TITLES[stage]} {part + 1} of {parts}" if parts > 1 else TITLES[stage]
        with (
            watch.stage(stage, title=title, images=settings.epochs * steps * settings.batch_size),
            make_progress(watch, title, settings.epochs, steps, settings.batch_size) as shown,
            record_epochs(shown, events / name if events else None) as progress,
        ):
            checkpoint = checkpoints / f"{name}.npz" if checkpoints else None
            return trainer.fit(build, train, validation, seeded, progress, checkpoint, teacher)

    return fit


def training_seconds(watch: Stopwatch) -> float:
    """How long the trainings took, a refit included, in seconds."""
    return sum(stage.seconds for stage in watch.stages if stage.name in TITLES)
