"""`inkdigit audit`: a training set -> duplicates.csv, doubtful.csv and doubtful.png, and a summary on the console."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from inkdigit.audit.duplicates import find_duplicate_pairs, summarize_duplicates, write_duplicates
from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.loading import read_dataset
from inkdigit.errors import InkdigitError
from inkdigit.runs.build import lock_folder
from inkdigit.training.config import Settings
from inkdigit.utils.files import atomic
from inkdigit.utils.progress import print_line

UNFINISHED = ".unfinished"  # folder of the checkpoints, inside the folder of the findings


def audit(train: Path, others: Sequence[Path], settings: Settings | None, folds: int, folder: Path) -> None:
    """Write the findings about a training set into a folder, and print a summary.

    Args:
        train: The labelled training set.
        others: Other files, such as the test set, that may contain images of the training set.
        settings: How the networks that judge the labels are trained; None: only look for duplicates.
        folds: Number of such networks.
        folder: Folder for the findings.

    Raises:
        InkdigitError: A file cannot be read or written, or the training set has too few rows.
    """
    rows = read_dataset(train, labelled=True, part="train")
    if settings:
        _check_row_count(train, rows)
    sets = [rows, *(read_dataset(other) for other in others), mnist.load()[1]]
    _audit_duplicates(sets, folder / "duplicates.csv")
    if settings:
        _audit_labels(rows, settings, folds, folder)


def _check_row_count(train: Path, rows: Dataset) -> None:
    from inkdigit.training.job import MIN_ROWS  # not above: duplicates are found without the extra `train`

    if len(rows) < MIN_ROWS:
        raise InkdigitError(
            f"{train} has {len(rows)} rows, and an audit of labels needs at least {MIN_ROWS}: add more.",
            code="rows-too-few",
        )


def _audit_duplicates(sets: Sequence[Dataset], path: Path) -> None:
    pairs = find_duplicate_pairs(sets)
    write_duplicates(path, sets, pairs)
    for sentence in summarize_duplicates(sets, pairs):
        print_line(sentence)
    print_line(f"Pairs: {path}")


def _audit_labels(rows: Dataset, settings: Settings, folds: int, folder: Path) -> None:
    from inkdigit.audit import label_ranking

    table, picture = folder / "doubtful.csv", folder / "doubtful.png"
    with _checkpoints(folder, rows, settings, folds) as checkpoints:
        ranking = label_ranking.rank_labels(rows, settings, folds, checkpoints)
        label_ranking.write_label_ranking(table, rows, ranking)
    disagreeing = label_ranking.disagreeing_rows(rows, ranking)
    print_line(f"For {len(disagreeing):,} of {len(rows):,} rows, the networks read another digit than the label.")
    print_line(f"Labels, the most doubtful first: {table}")
    if len(disagreeing):
        shown = disagreeing[: label_ranking.MAX_PICTURED]
        with atomic(picture) as temporary:
            temporary.write_bytes(label_ranking.draw_doubtful_labels(rows, ranking, shown))
        print_line(f"The first of them: {picture}")


@contextmanager
def _checkpoints(folder: Path, rows: Dataset, settings: Settings, folds: int) -> Generator[Path]:
    """Yield a folder for the trainings' epochs, and remove it if the block completes.

    After an interruption, a kill included, the same audit finds it again; another audit removes it.
    """
    unfinished = folder / UNFINISHED
    same_audit = hashlib.sha256(repr((rows.fingerprint, settings, folds)).encode()).hexdigest()
    unfinished.mkdir(parents=True, exist_ok=True)
    with lock_folder(unfinished, folder):
        for other in unfinished.iterdir():
            if other.is_dir() and other.name != same_audit:
                shutil.rmtree(other)
        try:
            yield unfinished / same_audit
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Interrupted. To go on, give the same command again.") from None
    shutil.rmtree(unfinished)
