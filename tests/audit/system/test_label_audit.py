"""Wrong labels and leaks, planted and found through the command."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from inkdigit.data import kaggle_csv, mnist
from inkdigit.data.dataset import Dataset
from tests.conftest import Command, RunAndKill


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_flipped_labels_come_first(
    run_in_process: Command, tmp_path: Path, real_digits: Dataset, rng: np.random.Generator
) -> None:
    labels = real_digits.required_labels[:3000].copy()
    flipped = rng.choice(3000, 30, replace=False)
    labels[flipped] = (labels[flipped] + rng.integers(1, 10, 30)) % 10
    kaggle_csv.write_csv(tmp_path / "train.csv", Dataset(real_digits.images[:3000], labels, "planted"))
    done = run_in_process("audit", tmp_path / "train.csv", "--folds", 2, "--epochs", 4, "--out", tmp_path / "found")
    assert done.returncode == 0, done.stderr
    first = read(tmp_path / "found" / "doubtful.csv")[:60]
    found = {int(row["row"]) for row in first} & set(flipped.tolist())
    assert len(found) >= 25
    assert all(int(row["label"]) == labels[int(row["row"])] for row in first)
    assert (tmp_path / "found" / "doubtful.png").read_bytes().startswith(b"\x89PNG")


def test_leaks_are_told_with_their_files(run_command: Command, tmp_path: Path, real_digits: Dataset) -> None:
    _, scored = mnist.load()
    train = np.concatenate([real_digits.images[:200], scored.images[:7]])
    kaggle_csv.write_csv(tmp_path / "train.csv", Dataset(train, np.zeros(207, np.int64), ""))
    kaggle_csv.write_csv(tmp_path / "test.csv", Dataset(real_digits.images[197:300], None, ""))
    done = run_command("audit", tmp_path / "train.csv", tmp_path / "test.csv", "--duplicates-only", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 pairs of rows show the same picture in" in done.stdout
    assert "7 pairs of rows show the same picture in" in done.stdout
    rows = read(tmp_path / "duplicates.csv")
    leak = [(row["row"], row["other_row"]) for row in rows if row["other_file"].endswith("test.csv")]
    assert leak == [("197", "0"), ("198", "1"), ("199", "2")]
    known = [row["other_row"] for row in rows if row["other_file"] == "MNIST, test part"]
    assert known == list("0123456")


def test_a_killed_audit_goes_on_where_it_was(
    run_command: Command, run_and_kill: RunAndKill, tmp_path: Path, files: Path
) -> None:
    out = tmp_path / "found"
    command = ["audit", files / "small.csv", "--folds", 2, "--epochs", 1, "--out", out]
    other = out / ".unfinished" / "of-another-audit"
    other.mkdir(parents=True)
    assert "Training 1 of 2, epoch 1/1" in run_and_kill("training-2-of-2.npz", *command)
    assert not other.exists()
    done = run_command(*command)
    assert done.returncode == 0, done.stderr
    assert "Training 1 of 2: 1 of 1 epochs were done before." in done.stdout
    assert "Training 2 of 2, epoch 1/1" in done.stdout
    assert {path.name for path in out.iterdir()} == {"doubtful.csv", "doubtful.png", "duplicates.csv"}
    assert sorted(int(row["row"]) for row in read(out / "doubtful.csv")) == list(range(1000))


def test_unlabelled_and_missing_files_are_told(run_command: Command, files: Path, tmp_path: Path) -> None:
    for name, words in (("test.csv", "no label column"), ("absent.csv", "does not exist")):
        done = run_command("audit", files / name, "--out", tmp_path / "found")
        assert done.returncode == 2
        assert words in done.stderr
    assert not (tmp_path / "found").exists()
