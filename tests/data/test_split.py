"""The Kaggle protocol: 42,000 rows to train on, the other 28,000 to be scored."""

from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.split import kaggle_split, write_split
from tests.errors import refused


def rows_of(*parts: Dataset) -> list[tuple[int, int]]:
    """Label and hash of each image, sorted."""
    return sorted(
        row for part in parts for row in zip(part.required_labels.tolist(), part.hashes.tolist(), strict=True)
    )


def test_every_digit_is_in_one_part_only():
    train, scored = kaggle_split()
    assert (len(train), len(scored)) == (42_000, 28_000)
    assert rows_of(train, scored) == rows_of(*mnist.load())


def test_a_seed_determines_the_split():
    train, scored = kaggle_split(100, seed=3)
    again, _ = kaggle_split(100, seed=3)
    other, _ = kaggle_split(100, seed=4)
    assert train.fingerprint == again.fingerprint != other.fingerprint
    # Written down, so that no release draws other rows for the same seed.
    order = np.random.default_rng(3).permutation(70_000)
    labels = np.concatenate([np.asarray(part.labels) for part in mnist.load()])
    assert np.asarray(train.labels).tolist() == labels[order[:100]].tolist()
    assert np.asarray(scored.labels).tolist() == labels[order[100:]].tolist()
    assert "seed 3" in train.source


@pytest.mark.parametrize("rows", [0, -1, 70_000, 100_000])
def test_a_part_must_not_be_empty(rows: int, tmp_path: Path):
    with refused("setting-invalid", rows):
        write_split(rows, 0, tmp_path / "split")
    assert not (tmp_path / "split").exists()


def test_a_negative_seed_is_refused(tmp_path: Path):
    with refused("setting-invalid", "-1"):
        write_split(100, -1, tmp_path / "split")


def test_a_failure_leaves_no_part_behind(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with refused("file-unwritable", tmp_path / "file"):
        write_split(100, 0, tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
