"""Reports, and run folders that keep them, without a training."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.calibration import Calibration
from inkdigit.export.model_summary import Layer
from inkdigit.recognizer import Recognizer
from inkdigit.report import archive
from inkdigit.report.data import Report, Scored, Setting, collect_scored, pick_samples
from inkdigit.report.feature_maps import Convolutions, FeatureMaps
from inkdigit.runs.predictions import PREDICTIONS_FILE, write_predictions
from inkdigit.runs.run import MANIFEST, write_manifest
from inkdigit.utils.progress import Stage
from tests.onnx_models import linear_model

NAME = "Digits <one> & two"
EVERY_FILE = {
    "samples.png",
    "augmentation.png",
    "network.png",
    "filters.png",
    "feature_maps.png",
    "curves.png",
    "learning_curve.png",
    "confusion.png",
    "mistakes.png",
    "typical_and_strange.png",
    "occlusion.png",
    "reliability.png",
    "stages.png",
    "report.html",
}


def keep(folder: Path, report: Report, rows: int = 2900) -> Path:
    """Make a run folder with everything that a report is drawn from."""
    folder.mkdir(parents=True, exist_ok=True)
    archive.write(report, folder)
    labels, probabilities = np.zeros(0, np.int64), np.zeros((0, 10), np.float32)
    if scored := report.scored:
        labels, probabilities = scored.labels, scored.probabilities
    none = np.empty(0, np.uint64)
    write_predictions(folder, none, none, drawn_digits(labels), probabilities)
    figures = {"training_rows": rows, "accuracy": 0.98, "low": 0.97, "high": 0.99, "training_seconds": rows / 50}
    write_manifest(folder, [archive.ARCHIVE, PREDICTIONS_FILE], {"settings": {}, "figures": figures})
    return folder


def written(folder: Path) -> set[str]:
    """The files in a run folder beside those that the report is drawn from."""
    return {path.name for path in folder.iterdir()} - {MANIFEST, archive.ARCHIVE, PREDICTIONS_FILE}


def drawn_digits(labels: NDArray[np.int64]) -> Dataset:
    """Images that differ by their label: shaped like real digits."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 : 6 + 2 * label, 8:20] = 255 - 10 * label
    return Dataset(images, labels, "drawn")


@cache
def make_scored(mistakes: int, rows: int = 2000) -> Scored:
    """Validation rows; the first ones are misread as the next digit."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, rows)
    guesses = labels.copy()
    guesses[:mistakes] = (labels[:mistakes] + 1) % 10
    doubt = 10 ** rng.uniform(-7, -0.5, (rows, 1))
    probabilities = doubt / 9 + (1 - doubt * 10 / 9) * np.eye(10)[guesses]
    name = f"{rows:,} validation rows"
    return collect_scored(name, drawn_digits(labels), probabilities, Calibration(1.3, 1.3), Recognizer(linear_model()))


@cache
def make_report() -> Report:
    """A report that fills every picture."""
    digits = drawn_digits(np.random.default_rng(1).integers(0, 10, 3000))
    originals = drawn_digits(np.arange(10)).images
    maps = np.random.default_rng(2).normal(0, 1, (12, 13, 13)).astype(np.float32)
    return Report(
        preset="fast",
        source="train.csv",
        settings=[
            Setting("epochs", 2, "epochs", "passes over the training rows"),
            Setting("seed", 0, "", "starts it all"),
        ],
        samples=pick_samples(digits),
        augmented=np.stack([np.roll(originals, shift, axis=2) for shift in range(10)], axis=1),
        digit=digits.images[0],
        layers=[
            Layer("scale", "Rescaling", (28, 28), 0, 0),
            Layer("conv", "Conv2D", (26, 26, 32), 320, 194_688),
            Layer("flatten", "Flatten", (21_632,), 0, 0),
            Layer("digits", "Dense", (10,), 216_330, 216_320),
        ],
        networks=1,
        views=1,
        convolutions=Convolutions(
            np.random.default_rng(3).normal(0, 1, (32, 3, 3)).astype(np.float32),
            np.random.default_rng(4).normal(0, 1, (32, 26, 26)).astype(np.float32),
            [FeatureMaps("conv", 32, maps), FeatureMaps("another", 5, maps[:5, :1])],
        ),
        history=[
            {"loss": 0.4, "accuracy": 0.91, "val_loss": 0.1, "val_accuracy": 0.98},
            {"loss": 0.05, "accuracy": 0.985, "val_loss": 0.03, "val_accuracy": 1.0},
        ],
        learning_rates=np.linspace(1e-3, 0, 40),
        training_seconds=61.2,
        scored=make_scored(mistakes=9),
        stages=[Stage("data", 0.4, title="Data"), Stage("training", 61.2, 2100.0, "Training")],
        memory_peak=1_500_000_000,
        hardware="2 cores",
        versions={"Keras": "3.15.0"},
    )


def make_bare_report() -> Report:
    """A report of a network without convolutions, with nothing scored, augmented or validated: few pictures."""
    nothing, report = np.zeros((0, 1, 1), np.float32), make_report()
    return replace(
        report,
        scored=None,
        augmented=np.repeat(report.augmented[:, :1], 3, axis=1),
        convolutions=Convolutions(nothing, nothing, []),
        history=[{"loss": 0.4, "accuracy": 0.91}],
        learning_rates=np.array([1e-3]),
        memory_peak=0,
    )
