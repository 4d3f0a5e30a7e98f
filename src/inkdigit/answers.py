"""A run's answers, image by image, and what it learnt from: with them, runs are compared without running a model."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.digits import Digits
from inkdigit.files import atomic
from inkdigit.runs import read_verified

ANSWERS = "answers.npz"


@dataclass(frozen=True)
class Answers:
    """Images are known by their hashes (`Digits.hashes`), so that runs find the ones they share.

    learnt: (M,) uint64, the images that the network behind these answers learnt from.
    also_learnt: (K,) uint64, further ones that the run's model has learnt, as a refit does with its validation rows.
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


def write(
    path: Path, learnt: Digits, also_learnt: Digits | None, scored: Digits, probabilities: NDArray[np.floating]
) -> None:
    """Keep the answers to `scored`, (N, 10); the other two sets are those of `Answers`."""
    wrong = probabilities.argmax(axis=1) != scored.truth
    answers = Answers(
        learnt=learnt.hashes,
        also_learnt=also_learnt.hashes if also_learnt else np.empty(0, np.uint64),
        scored=scored.hashes,
        labels=scored.truth,
        probabilities=probabilities.astype(np.float32),
        mistakes=scored.images[wrong],
    )
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **asdict(answers))


def read(folder: Path) -> Answers:
    """The answers of a run, verified. InkdigitError where they are missing or not those of its manifest."""
    with np.load(io.BytesIO(read_verified(folder, ANSWERS)), allow_pickle=False) as arrays:
        return Answers(**arrays)


def shared(every: Sequence[Answers]) -> list[NDArray[np.int64]]:
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
        rows = [_rows_of(images, one.scored) for one in every]
    labels = np.stack([one.labels[own] for one, own in zip(every, rows, strict=True)])
    fair = (labels == labels[0]).all(axis=0)
    for one, own in zip(every, rows, strict=True):
        fair &= ~np.isin(one.scored[own], one.learnt)
    return [own[fair] for own in rows]


def _once(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values, counts = np.unique(hashes, return_counts=True)
    return values[counts == 1]


def _rows_of(hashes: NDArray[np.uint64], within: NDArray[np.uint64]) -> NDArray[np.int64]:
    order = np.argsort(within)
    return order[np.searchsorted(within, hashes, sorter=order)]
