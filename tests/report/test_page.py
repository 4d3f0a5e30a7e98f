from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.evaluation import evaluate
from inkdigit.report import page
from inkdigit.report.content import Layer, Report, Scored, Setting, Stage
from inkdigit.report.page import write_report
from tests.report.conftest import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def drawn_digits(labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Images with the labels' number of bright strokes: shaped like data, without needing any."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 : 6 + 2 * label, 8:20] = 255 - 10 * label
    return images


def make_scored(mistakes: int) -> Scored:
    """2,000 validation rows, that many of them read as the next digit."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 2000)
    guesses = labels.copy()
    guesses[:mistakes] = (labels[:mistakes] + 1) % 10
    doubt = 10 ** rng.uniform(-7, -0.5, (2000, 1))
    probabilities = doubt / 9 + (1 - doubt * 10 / 9) * np.eye(10)[guesses]
    return Scored(
        "2,000 validation rows",
        drawn_digits(labels),
        labels,
        probabilities.astype(np.float32),
        1.3,
        evaluate(probabilities, labels),
    )


@pytest.fixture(scope="module")
def report() -> Report:
    labels = np.random.default_rng(1).integers(0, 10, 3000)
    originals = drawn_digits(np.arange(10))
    return Report(
        title="Digits <one> & two",
        preset="fast",
        source="train.csv",
        settings=[
            Setting("epochs", 2, "epochs", "passes over the training rows"),
            Setting("seed", 0, "", "starts it all"),
        ],
        images=drawn_digits(labels),
        labels=labels,
        augmented=np.stack([originals, np.roll(originals, 2, axis=2), np.roll(originals, -2, axis=1)], axis=1),
        layers=[
            Layer("scale", "Rescaling", (28, 28), 0, 0),
            Layer("conv", "Conv2D", (26, 26, 32), 320, 194_688),
            Layer("flatten", "Flatten", (21_632,), 0, 0),
            Layer("digits", "Dense", (10,), 216_330, 216_320),
        ],
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


@pytest.fixture(scope="module")
def folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report, written."""
    folder = tmp_path_factory.mktemp("run")
    assert set(write_report(report, folder)) == EVERYTHING
    return folder


EVERYTHING = {
    "samples.png",
    "augmentation.png",
    "network.png",
    "curves.png",
    "confusion.png",
    "mistakes.png",
    "reliability.png",
    "stages.png",
    "report.html",
}


def test_every_picture_and_one_small_page_are_written(folder: Path):
    assert {path.name for path in folder.iterdir()} == EVERYTHING
    assert (folder / "report.html").stat().st_size < 2_000_000
    for name in EVERYTHING - {"report.html"}:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_page_says_what_was_measured(folder: Path):
    html = (folder / "report.html").read_text(encoding="utf-8")
    for text in ("99.55", "2,000 validation rows", "all but 9", "1 min 01 s", "216,650", "411 k", "1.300"):
        assert text in html
    assert "Digits &lt;one&gt; &amp; two" in html
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_a_model_without_mistakes(report: Report, tmp_path: Path):
    names = write_report(replace(report, scored=make_scored(mistakes=0)), tmp_path)
    assert set(names) == EVERYTHING - {"mistakes.png"}
    assert "There are none: all 2,000 images" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_scored_nothing_augmented_nothing_validated(report: Report, tmp_path: Path):
    bare = replace(
        report,
        scored=None,
        augmented=np.repeat(report.augmented[:, :1], 3, axis=1),
        history=[{"loss": 0.4, "accuracy": 0.91}],
        learning_rates=np.array([1e-3]),
        memory_peak=0,
    )
    assert set(write_report(bare, tmp_path)) == {
        "samples.png",
        "network.png",
        "curves.png",
        "stages.png",
        "report.html",
    }
    assert "GiB of memory" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_digit_that_is_missing_and_a_network_of_another_shape(report: Report):
    some = report.labels < 4
    odd = replace(
        report,
        images=report.images[some],
        labels=report.labels[some],
        augmented=report.augmented[:4],
        layers=[Layer(f"dense_{width}", "Dense", (width,), 0, 0) for width in range(30, 9, -1)],
    )
    assert len(page.pictures(odd)) == len(EVERYTHING) - 1


def test_a_folder_that_cannot_be_written_is_named(report: Report, tmp_path: Path):
    blocker = tmp_path / "a file"
    blocker.touch()
    with pytest.raises(InkdigitError, match="a file"):
        write_report(replace(report, scored=None), blocker / "run")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.25, "4.2 s"),
        (59.97, "1 min 00 s"),
        (252, "4 min 12 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_duration(seconds: float, text: str):
    assert page.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12"), (999, "999"), (9_415_424, "9.42 M"), (317_000, "317 k"), (999_950, "1 M")]
)
def test_short(count: int, text: str):
    assert page.short(count) == text


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_opens_in_a_browser_and_asks_for_nothing_else(folder: Path, browser: Browser, width: int):
    seen = visit(browser, folder / "report.html", width)
    assert seen.complaints == []
    assert seen.requests == [(folder / "report.html").as_uri()]
    assert len(seen.image_widths) == len(EVERYTHING) - 1
    assert min(seen.image_widths) > 0
    assert seen.overflow == 0
