from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.calibration import Calibration
from inkdigit.export.model_summary import Layer
from inkdigit.recognizer import Recognizer
from inkdigit.report.data import Report, Scored, Setting, samples_of, scored_by
from inkdigit.report.feature_maps import Convolutions, FeatureMaps
from inkdigit.utils.progress import Stage
from tests.onnx_models import linear_model


def drawn_digits(labels: NDArray[np.int64]) -> Dataset:
    """Images with the labels' number of bright strokes: shaped like data, without needing any."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 : 6 + 2 * label, 8:20] = 255 - 10 * label
    return Dataset(images, labels, "drawn")


def make_scored(mistakes: int, rows: int = 2000) -> Scored:
    """Validation rows, that many of them read as the next digit."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, rows)
    guesses = labels.copy()
    guesses[:mistakes] = (labels[:mistakes] + 1) % 10
    doubt = 10 ** rng.uniform(-7, -0.5, (rows, 1))
    probabilities = doubt / 9 + (1 - doubt * 10 / 9) * np.eye(10)[guesses]
    name = f"{rows:,} validation rows"
    return scored_by(name, drawn_digits(labels), probabilities, Calibration(1.3, 1.3), Recognizer(linear_model()))


def make_report() -> Report:
    """A report with something on every picture."""
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
        samples=samples_of(digits),
        augmented=np.stack([originals, np.roll(originals, 2, axis=2), np.roll(originals, -2, axis=1)], axis=1),
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
        stages=[Stage("Data", 0.4), Stage("Training", 61.2, 2100.0)],
        memory_peak=1_500_000_000,
        hardware="2 cores",
        versions={"Keras": "3.15.0"},
    )


def test_samples_are_spread_over_the_rows_and_counted():
    labels = np.array([3] * 100 + [8] * 5)
    digits = drawn_digits(labels)
    digits.images[:, 0, 0] = np.arange(105)
    samples = samples_of(digits)
    assert samples.counts.tolist() == [0, 0, 0, 100, 0, 0, 0, 0, 5, 0]
    assert samples.images[3, :, 0, 0].tolist() == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]
    assert samples.images[8, :5, 0, 0].tolist() == [100, 101, 102, 103, 104]
    assert not samples.images[8, 5:].any()


def test_scored_rows_keep_the_pictures_that_are_shown():
    scored = make_scored(mistakes=9)
    assert sorted(scored.mistakes.rows.tolist()) == list(range(9))
    assert len(scored.typical.rows) == len(scored.strange.rows) == 100
    assert set(range(9)) <= set(scored.strange.rows.tolist())
    assert scored.labels[scored.occluded.rows[:10]].tolist() == list(range(10))
    assert scored.occluded.rows[10:].tolist() == scored.mistakes.rows[:5].tolist()
    for shown in (scored.mistakes, scored.typical, scored.strange, scored.occluded):
        assert np.array_equal(shown.images, drawn_digits(scored.labels).images[shown.rows])
    assert scored.evaluation.correct == 1991
