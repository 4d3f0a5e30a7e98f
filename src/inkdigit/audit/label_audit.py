"""A look at a training set before it is trusted: labels that are probably wrong, and pictures that are there twice."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.duplicates import find_duplicates
from inkdigit.data.loading import read_dataset
from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import calibrate, fit_calibration
from inkdigit.runs.build import lock_folder
from inkdigit.training import backend
from inkdigit.training.config import Settings
from inkdigit.training.job import MIN_ROWS
from inkdigit.utils.files import atomic
from inkdigit.utils.progress import Stopwatch, console

UNFINISHED = ".unfinished"  # in the folder of the findings: the trainings' checkpoints
SHOWN = 60  # doubtful labels in the picture


@dataclass(frozen=True)
class Doubts:
    """A training set's labels, the most doubtful first.

    rows: (N,) int64, all row numbers in that order. probabilities: (N, 10) float64, each row's by a network that never
    saw it. losses: (N,) float64, -ln p(label). The last two are in the set's own order.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    losses: NDArray[np.float64]


def run(train: Path, others: Sequence[Path], settings: Settings | None, folds: int, folder: Path) -> None:
    """Write duplicates.csv and, with settings for the trainings, doubtful.csv and doubtful.png; print a summary.

    Raises InkdigitError for files that cannot be read, and for a training set too small to be judged.
    """
    rows = read_dataset(train, labelled=True, part="train")
    if settings and len(rows) < MIN_ROWS:
        raise InkdigitError(f"{train} has {len(rows)} rows, and judging labels takes {MIN_ROWS}: add more.")
    sets = [rows, *(read_dataset(other) for other in others), mnist.load()[1]]
    for sentence in write_duplicates(folder / "duplicates.csv", sets) or ["No picture is there twice."]:
        console.print(sentence)
    console.print(f"Pairs: {folder / 'duplicates.csv'}")
    if not settings:
        return
    with _checkpoints(folder, rows, settings, folds) as checkpoints:
        doubts = doubtful_labels(rows, settings, folds, checkpoints)
        write_doubtful(folder / "doubtful.csv", rows, doubts)
    differing = doubts.rows[(doubts.probabilities.argmax(axis=1) != rows.required_labels)[doubts.rows]]
    console.print(f"{len(differing):,} of {len(rows):,} labels are not what the networks read.")
    console.print(f"Labels, the most doubtful first: {folder / 'doubtful.csv'}")
    if len(differing):
        _draw(folder / "doubtful.png", rows, doubts, differing[:SHOWN])
        console.print(f"The first of them: {folder / 'doubtful.png'}")


def _draw(path: Path, rows: Dataset, doubts: Doubts, shown: NDArray[np.int64]) -> None:
    import matplotlib as mpl

    from inkdigit.report import image_grids
    from inkdigit.report.page import png
    from inkdigit.report.style import STYLE

    with mpl.rc_context(STYLE):
        picture = png(
            image_grids.doubtful(rows.images[shown], rows.required_labels[shown], doubts.probabilities[shown], shown)
        )
    with atomic(path) as temporary:
        temporary.write_bytes(picture)


@contextmanager
def _checkpoints(folder: Path, rows: Dataset, settings: Settings, folds: int) -> Generator[Path]:
    """A folder for the trainings' epochs: if the block is cut short, by a kill too, the same audit finds them again."""
    unfinished = folder / UNFINISHED
    same = hashlib.sha256(repr((rows.fingerprint, settings, folds)).encode()).hexdigest()
    unfinished.mkdir(parents=True, exist_ok=True)
    with lock_folder(unfinished, folder):
        for other in unfinished.iterdir():
            if other.is_dir() and other.name != same:
                shutil.rmtree(other)
        try:
            yield unfinished / same
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Interrupted. To go on, give the same command again.") from None
    shutil.rmtree(unfinished)


def doubtful_labels(rows: Dataset, settings: Settings, folds: int, checkpoints: Path) -> Doubts:
    """Rank labels by out-of-fold loss (Northcutt, Jiang and Chuang, "Confident learning", 2021, rank by the same).

    checkpoints: a folder where the trainings keep their epochs, and find those kept there.
    """
    watch = Stopwatch()
    backend.prepare()
    from inkdigit.training import model
    from inkdigit.training.cross_validation import cross_validate
    from inkdigit.training.fitter import fitter

    fit = fitter(settings, model.build, watch, checkpoints=checkpoints)
    raw = cross_validate(rows, folds, settings.seed, fit).probabilities
    probabilities = calibrate(raw, fit_calibration(raw, rows.required_labels, settings.label_smoothing))
    losses = -np.log(np.maximum(probabilities[np.arange(len(rows)), rows.required_labels], 1e-300))
    return Doubts(np.argsort(-losses, kind="stable"), probabilities, losses)


def write_doubtful(path: Path, rows: Dataset, doubts: Doubts) -> None:
    """A CSV of all rows, the most doubtful first: row number from 0, label, what was read, both probabilities."""
    lines = ["row,label,read,p_label,p_read"]
    for row in doubts.rows:
        answer, label = doubts.probabilities[row], rows.required_labels[row]
        lines.append(f"{row},{label},{answer.argmax()},{answer[label]:.3g},{answer.max():.3g}")
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_duplicates(path: Path, sets: Sequence[Dataset]) -> list[str]:
    """A CSV of the pictures that are there twice, in one set or in two; returns sentences that sum it up."""
    found = find_duplicates(np.concatenate([digits.images for digits in sets]))
    starts = np.cumsum([0, *(len(digits) for digits in sets)])
    counts: dict[tuple[str, int, int], int] = {}
    lines = [["kind", "file", "row", "label", "other_file", "other_row", "other_label"]]
    for kind, pairs in (("exact", found.exact), ("near", found.near)):
        for pair in pairs:
            places = [(int(np.searchsorted(starts, row, "right")) - 1, int(row)) for row in pair]
            cells = [cell for place, row in places for cell in _cells(sets[place], row - int(starts[place]))]
            lines.append([kind, *cells])
            key = (kind, places[0][0], places[1][0])
            counts[key] = counts.get(key, 0) + 1
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    return [
        _sentence(kind, [sets[place].source for place in sorted({one, other})], count)
        for (kind, one, other), count in counts.items()
    ]


def _cells(digits: Dataset, row: int) -> list[str]:
    return [digits.source, str(row), "" if digits.labels is None else str(digits.labels[row])]


def _sentence(kind: str, sources: Sequence[str], count: int) -> str:
    what = "the same picture" if kind == "exact" else "nearly the same picture"
    where = f"within {sources[0]}" if len(sources) == 1 else f"in {sources[0]} and in {sources[1]}"
    return f"{count:,} {'pair of rows shows' if count == 1 else 'pairs of rows show'} {what} {where}."
