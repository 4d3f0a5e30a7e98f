"""Runs -> the images on which they can be compared fairly, with each run's predictions for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.recognizer import Recognizer
from inkdigit.runs.predictions import (
    PREDICTIONS_FILE,
    Predictions,
    has_predictions,
    read_predictions,
    rows_trained_on,
    shared_rows,
    training_rows_unknown,
)
from inkdigit.runs.run import ONNX_MODEL, Run, read_verified


@dataclass(frozen=True)
class ComparedImages:
    """The images of a comparison and each run's predictions.

    Attributes:
        description: What the images are, in words.
        images: (N, 28, 28) uint8.
        labels: (N,) int64.
        probabilities: For each run (N, 10) float32. The predicted digit is the argmax of exactly these numbers: those
            of a wider type may have another one, where two digits are almost equally probable.
        notes: Sentences that a reader must know to judge the figures.
    """

    description: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probabilities: list[NDArray[np.float32]]
    notes: list[str]


def shared_images(runs: Sequence[Run], names: Sequence[str]) -> ComparedImages:
    """The images that all runs were scored on and none was trained on, with the predictions that the runs keep.

    Images that all runs read correctly are blank: a run keeps only its mistakes.

    Raises:
        InkdigitError: A run keeps no predictions or was changed, or there is no such image.
    """
    every = [_verified_predictions(run) for run in runs]
    rows = shared_rows(every)
    if not len(rows[0]):
        raise InkdigitError(
            f"{join_names(names)} were not scored on the same images, or one was trained on those of another: "
            "name labelled images that are new to all of them (--data labelled.csv).",
            code="compared-images-missing",
        )
    images = np.zeros((len(rows[0]), 28, 28), np.uint8)
    for one, own in zip(every, rows, strict=True):
        one.copy_mistakes(own, images)
    all_runs, no_run = ("both", "neither") if len(runs) == 2 else ("all", "none")
    return ComparedImages(
        description=f"{len(images):,} images on which {all_runs} were scored and {no_run} was trained",
        images=images,
        labels=every[0].labels[rows[0]],
        probabilities=[one.probabilities[own] for one, own in zip(every, rows, strict=True)],
        notes=_shared_notes(names, every, rows),
    )


def _verified_predictions(run: Run) -> Predictions:
    if not has_predictions(run.folder):
        raise InkdigitError(
            f"{run.folder} has no {PREDICTIONS_FILE}: name labelled images to compare on (--data labelled.csv), "
            "or train it again.",
            code="run-predictions-missing",
        )
    read_verified(run.folder, ONNX_MODEL)  # predictions of a model that was replaced would say nothing
    return read_predictions(run.folder)


def _shared_notes(names: Sequence[str], every: Sequence[Predictions], rows: Sequence[NDArray[np.int64]]) -> list[str]:
    notes = [
        f"After these predictions, the model of {name} was trained on {count:,} of the images."
        for name, one, own in zip(names, every, rows, strict=True)
        if (count := np.isin(one.scored[own], one.model_trained_on).sum())
    ]
    if any(len(one.scored) > len(own) for one, own in zip(every, rows, strict=True)):
        scored = ", ".join(f"{name} on {len(one.scored):,}" for name, one in zip(names, every, strict=True))
        notes.append(f"The runs were scored on more images ({scored}); only the shared ones count here.")
    return notes


def new_images(runs: Sequence[Run], names: Sequence[str], data: Dataset) -> ComparedImages:
    """The images of `data` that no run was trained on, read by every run's model.

    Raises:
        InkdigitError: A run cannot be read or was changed, or a run was trained on each of the images.
    """
    new = np.ones(len(data), bool)
    trained_on: list[str] = []
    notes: list[str] = []
    for run, name in zip(runs, names, strict=True):
        known = rows_trained_on(run.folder, data)
        if known is None:
            notes.append(training_rows_unknown(name, data))
            continue
        new &= ~known
        if known.any():
            trained_on.append(f"{name} was trained on {known.sum():,} of them")
    if trained_on:
        left_out = f"Of the {len(data):,} images of {data.source}, {(~new).sum():,} are left out"
        notes.insert(0, f"{left_out}: {', '.join(trained_on)}.")
    if not new.any():
        raise InkdigitError(
            f"{data.source} holds no image that is new to {join_names(names)} ({', '.join(trained_on)}): "
            "name images that no run was trained on.",
            code="compared-images-missing",
        )
    images, labels = data.images[new], data.required_labels[new]
    return ComparedImages(
        description=f"{len(labels):,} images of {data.source}",
        images=images,
        labels=labels,
        probabilities=[Recognizer.load(run.folder).predict_proba(images).astype(np.float32) for run in runs],
        notes=notes,
    )


def join_names(names: Sequence[str]) -> str:
    """`one`, `one and two`, `one, two and three`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
