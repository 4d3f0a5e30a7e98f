"""MNIST's 70,000 digits divided as Kaggle divided them: labelled training rows, and rows to be scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inkdigit.data import kaggle_csv, mnist
from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic

TOTAL = 70_000


def kaggle_split(train_rows: int = 42_000, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Return `train_rows` of MNIST's 70,000 drawn at random, and the rows to score, both with labels.

    The same seed gives the same rows on every machine. Raises InkdigitError for a number that leaves either
    part empty and for a negative seed.
    """
    if not 0 < train_rows < TOTAL:
        raise InkdigitError(f"{train_rows} training rows: choose from 1 to {TOTAL - 1:,}; the others are scored.")
    if seed < 0:
        raise InkdigitError(f"seed {seed} is negative: choose 0 or more.")
    parts = mnist.load()
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([np.asarray(part.labels) for part in parts])
    order = np.random.default_rng(seed).permutation(TOTAL)
    train, scored = order[:train_rows], order[train_rows:]
    source = f"MNIST, {train_rows:,} of {TOTAL:,}, seed {seed}"
    return (
        Dataset(images[train], labels[train], f"{source}, training rows"),
        Dataset(images[scored], labels[scored], f"{source}, scored rows"),
    )


def write_split(train_rows: int, seed: int, to: Path) -> None:
    """Write the split to the folder `to` as Kaggle's train.csv and test.csv, and truth.csv (`ImageId,Label`).

    Raises InkdigitError as `kaggle_split` does, and where `to` is not writable.
    """
    train, scored = kaggle_split(train_rows, seed)
    unlabelled = Dataset(scored.images, None, scored.source)
    # The three are renamed into place only when all are complete.
    with (
        atomic(to / "train.csv") as train_csv,
        atomic(to / "test.csv") as test_csv,
        atomic(to / "truth.csv") as truth_csv,
    ):
        train_csv.write_bytes(b"".join(kaggle_csv.csv_text(train)))
        test_csv.write_bytes(b"".join(kaggle_csv.csv_text(unlabelled)))
        truth_csv.write_bytes(kaggle_csv.submission_text(np.asarray(scored.labels)))
        # First the old three go: a kill between two renames must not leave a part of one split beside one of another.
        for name in ("train.csv", "test.csv", "truth.csv"):
            if (to / name).is_file():
                (to / name).unlink()
