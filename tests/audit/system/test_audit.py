"""Wrong labels and leaks, planted and found; an audit that is killed and given again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inkdigit.data import kaggle_csv, mnist
from inkdigit.data.dataset import Dataset
from tests.audit.reading import read_rows
from tests.conftest import Command, RunAndKill, part


def test_flipped_labels_come_first_even_after_a_kill(
    run_in_process: Command, run_and_kill: RunAndKill, tmp_path: Path, real_digits: Dataset, rng: np.random.Generator
) -> None:
    labels = real_digits.required_labels[:2000].copy()
    flipped = rng.choice(2000, 20, replace=False)
    labels[flipped] = (labels[flipped] + rng.integers(1, 10, 20)) % 10
    kaggle_csv.write_csv(tmp_path / "train.csv", Dataset(real_digits.images[:2000], labels, "planted"))
    out = tmp_path / "found"
    command = ["audit", tmp_path / "train.csv", "--folds", 2, "--epochs", 4, "--out", out]
    of_another_audit = out / ".unfinished" / "of-another-audit"
    of_another_audit.mkdir(parents=True)
    assert "epoch 4/4" in run_and_kill("training-2.npz", *command)
    assert not of_another_audit.exists()

    done = run_in_process(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/4") == 1  # of the second training only
    assert {path.name for path in out.iterdir()} == {"doubtful.csv", "doubtful.png", "duplicates.csv"}
    assert (out / "doubtful.png").read_bytes().startswith(b"\x89PNG")
    rows = read_rows(out / "doubtful.csv")
    assert sorted(int(row["row"]) for row in rows) == list(range(2000))
    assert all(int(row["label"]) == labels[int(row["row"])] for row in rows)
    assert len({int(row["row"]) for row in rows[:40]} & set(flipped.tolist())) >= 17


def test_leaks_are_found_without_a_training(run_in_process: Command, tmp_path: Path, real_digits: Dataset) -> None:
    _, scored = mnist.load()
    train = np.concatenate([real_digits.images[:200], scored.images[:7]])
    kaggle_csv.write_csv(tmp_path / "train.csv", Dataset(train, np.zeros(207, np.int64), ""))
    kaggle_csv.write_csv(tmp_path / "test.csv", part(real_digits, slice(197, 300), labelled=False))
    command = ["audit", tmp_path / "train.csv", tmp_path / "test.csv", "--duplicates-only", "--out", tmp_path]
    done = run_in_process(*command)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "duplicates.csv") in done.stdout
    rows = read_rows(tmp_path / "duplicates.csv")
    leak = [(row["row"], row["other_row"]) for row in rows if row["other_file"].endswith("test.csv")]
    assert leak == [("197", "0"), ("198", "1"), ("199", "2")]
    known = [row["other_row"] for row in rows if row["other_file"] == "MNIST, test part"]
    assert known == list("0123456")
