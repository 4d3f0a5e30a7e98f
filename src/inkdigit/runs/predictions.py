"""A run's predictions, image by image, and what it was trained on: with them, runs are compared without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.runs.run import read_arrays, read_run
from inkdigit.utils.files import atomic
from inkdigit.utils.npz import Arrays

PREDICTIONS_FILE = "predictions.npz"
# Until version 0.1.0 a run kept this in two files, and two arrays under other names.
_OLD_FILES = ("rows.npz", "report.npz")
_OLD_NAMES = {"trained_on": "learnt", "model_trained_on": "also_learnt"}

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Predictions:
    """A run's predictions. Images are known by their hashes (`Dataset.hashes`), so that runs find those they share.

    Attributes:
        trained_on: (M,) uint64, the images that the network behind these predictions was trained on.
        model_trained_on: (K,) uint64, the images that the run's model was trained on: after a refit or
            cross-validation more than `trained_on`.
        scored: (N,) uint64, the labelled images that the run was scored on.
        labels: (N,) int64, the true digits of `scored`.
        probabilities: (N, 10) float32, calibrated, the predictions for `scored`.
        mistakes: (W, 28, 28) uint8, the images of `scored` that were predicted wrongly, in their order.
    """

    trained_on: Hashes
    model_trained_on: Hashes
    scored: Hashes
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    mistakes: NDArray[np.uint8]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which of the scored images were predicted wrongly, (N,)."""
        return self.probabilities.argmax(axis=1) != self.labels

    def copy_mistakes(self, rows: NDArray[np.int64], images: NDArray[np.uint8]) -> None:
        """Copy the mistakes among some rows of `scored` into `images`, (len(rows), 28, 28); leave the others alone."""
        number = np.cumsum(self.wrong) - 1
        wrong = self.wrong[rows]
        images[wrong] = self.mistakes[number[rows[wrong]]]


def write_predictions(
    folder: Path, trained_on: Hashes, model_trained_on: Hashes, scored: Dataset, probabilities: NDArray[np.floating]
) -> Predictions:
    """Write predictions.npz into a run folder and return its content; the arguments are as in `Predictions`."""
    # Cast once, so that every reader of these arrays finds the same mistakes.
    kept, labels = probabilities.astype(np.float32), scored.required_labels
    mistakes = scored.images[kept.argmax(axis=1) != labels]
    predictions = Predictions(trained_on, model_trained_on, scored.hashes, labels, kept, mistakes)
    with atomic(folder / PREDICTIONS_FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **vars(predictions))
    return predictions


def read_predictions(folder: Path) -> Predictions:
    """Read a run's predictions, verified. Raises InkdigitError where they are missing or not its manifest's."""
    if not has_predictions(folder) or PREDICTIONS_FILE in _files(folder):
        return read_arrays(folder, PREDICTIONS_FILE, _predictions)
    return _read_old(folder)


# The arrays, and NumPy's letter for their kind of number: unsigned, integer, float.
_KINDS = {
    "trained_on": "u",
    "model_trained_on": "u",
    "scored": "u",
    "labels": "iu",
    "probabilities": "f",
    "mistakes": "u",
}


def _predictions(arrays: Arrays) -> Predictions:
    """The predictions in a run's arrays. Raises ValueError where these are not what `Predictions` says."""
    found = Predictions(**{name: arrays[name] for name in _KINDS})
    rows, wrong = len(found.scored), int(found.wrong.sum())
    shapes = {"labels": (rows,), "probabilities": (rows, 10), "mistakes": (wrong, 28, 28)}
    for name, kinds in _KINDS.items():
        array = arrays[name]
        if array.dtype.kind not in kinds or array.shape != shapes.get(name, (array.size,)):
            raise ValueError(f"{name} has the shape {array.shape} and the type {array.dtype}")
    if not np.isin(found.labels, np.arange(10)).all():
        raise ValueError("a label is no digit")
    return found


def _read_old(folder: Path) -> Predictions:
    rows, report = _OLD_FILES
    found = read_arrays(folder, rows, lambda arrays: {n: arrays[_OLD_NAMES.get(n, n)] for n in _OF_OLD_ROWS})
    found |= read_arrays(folder, report, lambda arrays: {n: arrays[n] for n in _KINDS if n not in _OF_OLD_ROWS})
    found["probabilities"] = found["probabilities"].astype(np.float32)
    predictions = Predictions(**found)
    if len(predictions.mistakes) != predictions.wrong.sum():
        # Its mistakes were found before the probabilities were cast to float32, which may move a near-tie.
        blank = np.zeros((predictions.wrong.sum(), 28, 28), np.uint8)
        return replace(predictions, mistakes=blank)
    return predictions


_OF_OLD_ROWS = ("trained_on", "model_trained_on", "scored", "mistakes")


def has_predictions(folder: Path) -> bool:
    """Whether a run keeps its predictions; the oldest runs do not. Raises InkdigitError where there is no run."""
    return not _files(folder).isdisjoint({PREDICTIONS_FILE, _OLD_FILES[0]})


def _files(folder: Path) -> set[str]:
    return set(read_run(folder).manifest["files"])


def trained_hashes(folder: Path) -> Hashes:
    """Hashes of all images that a run's model was trained on; none where the run does not say."""
    if not has_predictions(folder):
        return np.empty(0, np.uint64)
    if PREDICTIONS_FILE in _files(folder):
        return read_arrays(folder, PREDICTIONS_FILE, _trained)
    return read_arrays(folder, _OLD_FILES[0], lambda arrays: np.union1d(arrays["learnt"], arrays["also_learnt"]))


def _trained(arrays: Arrays) -> Hashes:
    return np.union1d(arrays["trained_on"], arrays["model_trained_on"])


def rows_trained_on(folder: Path, dataset: Dataset) -> NDArray[np.bool_] | None:
    """Which images of a data set a run's model was trained on, (N,); None where the run does not say."""
    return np.isin(dataset.hashes, trained_hashes(folder)) if has_predictions(folder) else None


def count_trained_rows(folders: Sequence[Path], dataset: Dataset) -> tuple[int | None, list[str]]:
    """Count the images of a data set that runs were trained on.

    Args:
        folders: the runs.
        dataset: the images that these runs are about to be scored on.

    Returns:
        How many of the images any of the runs was trained on, None where a run does not say; and warnings, a sentence
        each, for the reader of that score.

    Raises:
        InkdigitError: A run is not what its manifest says.
    """
    known: list[NDArray[np.bool_]] = []
    warnings: list[str] = []
    for folder in folders:
        name, trained = folder.absolute().name, rows_trained_on(folder, dataset)
        if trained is None:
            warnings.append(training_rows_unknown(name, dataset))
            continue
        known.append(trained)
        if trained.any():
            warnings.append(
                f"{name} was trained on {trained.sum():,} of the {len(dataset):,} images of {dataset.source}: "
                "an accuracy on them says nothing about new digits."
            )
    return int(np.any(known, axis=0).sum()) if len(known) == len(folders) else None, warnings


def training_rows_unknown(name: str, dataset: Dataset) -> str:
    """A warning about a run that does not say what it was trained on and is scored on some images."""
    return (
        f"{name} comes from an older version, which did not keep what it was trained on: "
        f"if some of {dataset.source} was among that, it looks better than it is."
    )


def shared_rows(every: Sequence[Predictions]) -> list[NDArray[np.int64]]:
    """Find the images that all runs were scored on and none was trained on.

    Left out are images that the runs have under different labels, and those that stand twice in a set, unless all
    sets are the same from end to end.

    Args:
        every: the predictions of each run.

    Returns:
        For each run the rows (K,) int64 of those images, in the order that the first run has them.
    """
    first = every[0]
    if all(np.array_equal(one.scored, first.scored) for one in every):
        rows = [np.arange(len(first.scored))] * len(every)
    else:
        common = reduce(np.intersect1d, [_unique(one.scored) for one in every])
        images = first.scored[np.isin(first.scored, common)]
        rows = [_positions(images, one.scored) for one in every]
    labels = np.stack([one.labels[own] for one, own in zip(every, rows, strict=True)])
    fair = (labels == labels[0]).all(axis=0)
    for one, own in zip(every, rows, strict=True):
        fair &= ~np.isin(one.scored[own], one.trained_on)
    return [own[fair] for own in rows]


def _unique(hashes: Hashes) -> Hashes:
    values, counts = np.unique(hashes, return_counts=True)
    return values[counts == 1]


def _positions(hashes: Hashes, within: Hashes) -> NDArray[np.int64]:
    order = np.argsort(within)
    return order[np.searchsorted(within, hashes, sorter=order)]
