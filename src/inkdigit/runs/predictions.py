"""A run's answers, image by image, and what it learnt from: with them, runs are compared without running a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.report import archive
from inkdigit.runs.run import read_run
from inkdigit.utils.files import atomic

PREDICTIONS_FILE = "rows.npz"
KEPT = ("learnt", "also_learnt", "scored", "mistakes")  # in it, of `Answers`


@dataclass(frozen=True)
class Predictions:
    """Images are known by their hashes (`Digits.hashes`), so that runs find the ones they share.

    learnt: (M,) uint64, the images that the network behind these answers learnt from.
    also_learnt: (K,) uint64, the images that the run's model has learnt; after a refit or from folds these are more.
    scored: (N,) uint64, the labelled images that the run was scored on; labels: (N,) int64, their truth.
    probabilities: (N, 10) float32, calibrated, the run's answers to them.
    mistakes: (W, 28, 28) uint8, those that were read wrongly, in their order.
    """

    learnt: NDArray[np.uint64]
    also_learnt: NDArray[np.uint64]
    scored: NDArray[np.uint64]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    mistakes: NDArray[np.uint8]

    def show_mistakes(self, rows: NDArray[np.int64], images: NDArray[np.uint8]) -> None:
        """Put the kept pictures of these rows into `images`, (len(rows), 28, 28); the others stay as they are."""
        wrong = self.probabilities.argmax(axis=1) != self.labels
        place = np.cumsum(wrong) - 1
        shown = wrong[rows]
        images[shown] = self.mistakes[place[rows[shown]]]


def write_predictions(
    folder: Path,
    learnt: NDArray[np.uint64],
    also_learnt: NDArray[np.uint64],
    scored: Dataset,
    probabilities: NDArray[np.floating],
) -> None:
    """Write rows.npz: what `Answers` has beyond the run's report.npz, which holds labels and probabilities."""
    wrong = probabilities.argmax(axis=1) != scored.truth
    with atomic(folder / PREDICTIONS_FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, learnt=learnt, also_learnt=also_learnt, scored=scored.hashes, mistakes=scored.images[wrong]
        )


def read_predictions(folder: Path) -> Predictions:
    """The answers of a run, verified. InkdigitError where they are missing or not those of its manifest."""
    labels, probabilities = archive.read_answers(folder)
    rows = archive.read_arrays(folder, PREDICTIONS_FILE, lambda arrays: {name: arrays[name] for name in KEPT})
    return Predictions(**rows, labels=labels, probabilities=probabilities)


def trained_hashes(folder: Path) -> NDArray[np.uint64]:
    """Hashes of all images that a run's model has learnt, none where it keeps no account. Raises InkdigitError."""
    if PREDICTIONS_FILE not in read_run(folder).manifest["files"]:
        return np.empty(0, np.uint64)
    return archive.read_arrays(
        folder, PREDICTIONS_FILE, lambda arrays: np.union1d(arrays["learnt"], arrays["also_learnt"])
    )


def rows_trained_on(folder: Path, digits: Dataset) -> NDArray[np.bool_] | None:
    """Which of some images a run's model has learnt, (N,); None where it keeps no account. Raises InkdigitError."""
    if PREDICTIONS_FILE not in read_run(folder).manifest["files"]:
        return None
    return np.isin(digits.hashes, trained_hashes(folder))


def count_trained_rows(folders: Sequence[Path], digits: Dataset) -> tuple[int | None, list[str]]:
    """How many of some images the runs have learnt between them, and what whoever scores those runs on them must know.

    None where a run keeps no account. Raises InkdigitError where a run is not what its manifest says.
    """
    known: list[NDArray[np.bool_]] = []
    warnings: list[str] = []
    for folder in folders:
        name, seen = folder.absolute().name, rows_trained_on(folder, digits)
        if seen is None:
            warnings.append(training_rows_unknown(name, digits))
            continue
        known.append(seen)
        if seen.any():
            warnings.append(
                f"{name} has learnt {seen.sum():,} of the {len(digits):,} images of {digits.source}: "
                "an accuracy on them says nothing about new digits."
            )
    return int(np.any(known, axis=0).sum()) if len(known) == len(folders) else None, warnings


def training_rows_unknown(name: str, digits: Dataset) -> str:
    """What to know of a run that does not say what it has learnt, and is scored on some images."""
    return (
        f"{name} comes from an older version, which kept no account of what it was trained on: "
        f"if some of {digits.source} was among that, it looks better than it is."
    )


def shared_rows(every: Sequence[Predictions]) -> list[NDArray[np.int64]]:
    """For each run, the rows of the images that all were scored on and none had learnt, in the first one's order.

    Left out are images that the runs have under different labels, and those that stand twice in a set, unless all
    sets are the same from end to end.
    """
    first = every[0]
    if all(np.array_equal(one.scored, first.scored) for one in every):
        rows = [np.arange(len(first.scored))] * len(every)
    else:
        common = reduce(np.intersect1d, [_once(one.scored) for one in every])
        images = first.scored[np.isin(first.scored, common)]
        rows = [_places(images, one.scored) for one in every]
    labels = np.stack([one.labels[own] for one, own in zip(every, rows, strict=True)])
    fair = (labels == labels[0]).all(axis=0)
    for one, own in zip(every, rows, strict=True):
        fair &= ~np.isin(one.scored[own], one.learnt)
    return [own[fair] for own in rows]


def _once(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values, counts = np.unique(hashes, return_counts=True)
    return values[counts == 1]


def _places(hashes: NDArray[np.uint64], within: NDArray[np.uint64]) -> NDArray[np.int64]:
    order = np.argsort(within)
    return order[np.searchsorted(within, hashes, sorter=order)]
