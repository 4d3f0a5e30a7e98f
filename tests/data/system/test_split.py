"""The Kaggle protocol: 42,000 rows to train on, the other 28,000 to be scored."""

from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.kaggle_csv import read_csv
from inkdigit.data.split import kaggle_split, write_split
from inkdigit.errors import InkdigitError
from tests.conftest import Command, RunAndKill


def bytes_of(digits: Dataset) -> list[bytes]:
    return [
        bytes([label]) + image.tobytes() for image, label in zip(digits.images, np.asarray(digits.labels), strict=True)
    ]


def test_every_digit_is_in_one_part_only():
    train, scored = kaggle_split()
    assert (len(train), len(scored)) == (42_000, 28_000)
    everything = [row for part in mnist.load() for row in bytes_of(part)]
    assert sorted(bytes_of(train) + bytes_of(scored)) == sorted(everything)


def test_a_seed_is_a_split():
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
    with pytest.raises(InkdigitError, match=f"{rows} training rows: choose from 1 to 69,999"):
        write_split(rows, 0, tmp_path / "split")
    assert not (tmp_path / "split").exists()


def test_a_negative_seed_is_refused(tmp_path: Path):
    with pytest.raises(InkdigitError, match="seed -1 is negative"):
        write_split(100, -1, tmp_path / "split")


def test_the_files_are_the_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    train, scored = kaggle_split(69_000, seed=1)
    write_split(69_000, 1, tmp_path / "split")
    assert sorted(path.name for path in (tmp_path / "split").iterdir()) == [
        "test.csv",
        "train.csv",
        "truth.csv",
    ]
    monkeypatch.setenv("INKDIGIT_CACHE", str(tmp_path / "cache"))
    assert read_csv(tmp_path / "split" / "train.csv", labelled=True).fingerprint == train.fingerprint
    test = read_csv(tmp_path / "split" / "test.csv")
    assert test.labels is None
    assert np.array_equal(test.images, scored.images)
    header, *rows = (tmp_path / "split" / "truth.csv").read_text().splitlines()
    assert header == "ImageId,Label"
    assert rows == [f"{image},{label}" for image, label in enumerate(np.asarray(scored.labels).tolist(), 1)]


def test_a_failure_leaves_no_part_behind(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InkdigitError, match="could not be written"):
        write_split(100, 0, tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_kill_never_leaves_parts_of_two_splits(run_command: Command, run_and_kill: RunAndKill, tmp_path: Path):
    names = ("train.csv", "test.csv", "truth.csv")
    for name in names:
        (tmp_path / name).write_text("old")
    command = ["data", "split", "--train-rows", 69_900, "--to", tmp_path]
    run_and_kill("test.csv", *command)
    left = {name: (tmp_path / name).read_bytes() for name in names if (tmp_path / name).exists()}
    assert run_command(*command).returncode == 0
    assert left.items() <= {name: (tmp_path / name).read_bytes() for name in names}.items()
    assert list(left) == ["truth.csv"]
