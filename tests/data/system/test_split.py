"""All of MNIST written as Kaggle's files, and a kill while they are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inkdigit.data.kaggle_csv import read_csv
from inkdigit.data.split import kaggle_split, write_split
from tests.conftest import Command, RunAndKill


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
