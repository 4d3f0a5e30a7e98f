"""MNIST's 70,000 digits divided as Kaggle divided them: labelled training rows, and rows to score."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.kaggle_csv import csv_text, submission_text
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic

MNIST_SIZE = 70_000


def kaggle_split(train_rows: int = 42_000, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Divide MNIST's 70,000 digits at random.

    Args:
        train_rows: how many become training rows; the others are to be scored.
        seed: the same seed gives the same rows on every machine.

    Returns:
        The training rows and the rows to score, both with labels.

    Raises:
        InkdigitError: either part would be empty, or the seed is negative.
    """
    if not 0 < train_rows < MNIST_SIZE:
        choice = f"choose from 1 to {MNIST_SIZE - 1:,}; the others are scored"
        raise InkdigitError(f"{train_rows} training rows: {choice}.", code="setting-invalid")
    if seed < 0:
        raise InkdigitError(f"seed {seed} is negative: choose 0 or more.", code="setting-invalid")
    parts = mnist.load()
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([np.asarray(part.labels) for part in parts])
    order = np.random.default_rng(seed).permutation(MNIST_SIZE)
    train, scored = order[:train_rows], order[train_rows:]
    source = f"MNIST, {train_rows:,} of {MNIST_SIZE:,}, seed {seed}"
    return (
        Dataset(images[train], labels[train], f"{source}, training rows"),
        Dataset(images[scored], labels[scored], f"{source}, scored rows"),
    )


def write_split(train_rows: int, seed: int, to: Path) -> None:
    """Write the split to the folder `to` as Kaggle's train.csv and test.csv, and truth.csv (`ImageId,Label`).

    Raises:
        InkdigitError: as `kaggle_split`, or the folder cannot be written.
    """
    train, scored = kaggle_split(train_rows, seed)
    unlabelled = Dataset(scored.images, None, scored.source)
    # The three are renamed into place only when all are complete.
    with (
        atomic(to / "train.csv") as train_csv,
        atomic(to / "test.csv") as test_csv,
        atomic(to / "truth.csv") as truth_csv,
    ):
        train_csv.write_bytes(b"".join(csv_text(train)))
        test_csv.write_bytes(b"".join(csv_text(unlabelled)))
        truth_csv.write_bytes(submission_text(np.asarray(scored.labels)))
        # The old three are removed first: a kill between two renames must not leave parts of two splits.
        for name in ("train.csv", "test.csv", "truth.csv"):
            if (to / name).is_file():
                (to / name).unlink()
