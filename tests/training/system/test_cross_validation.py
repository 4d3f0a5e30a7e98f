"""Cross-validation through the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.conftest import Command

SMALL = ["--filters", "8, 16", "--dense", "32", "--epochs", "3", "--batch-size", "64"]


def test_folds_make_one_run_and_out_of_fold_probabilities(
    run_in_process: Command, files: Path, tmp_path: Path, real_digits: Dataset
) -> None:
    out = tmp_path / "run"
    done = run_in_process("train", "--train", files / "small.csv", "--folds", 3, *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "1,000 out-of-fold rows" in done.stdout
    evaluation = next(line for line in done.stdout.splitlines() if line.startswith("Evaluation: "))
    assert "images/s" not in evaluation  # the folds' networks have read them before

    with (out / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(1000))
    assert [int(row["label"]) for row in rows] == real_digits.required_labels[:1000].tolist()
    assert {fold: sum(row["fold"] == fold for row in rows) for fold in "012"} == {"0": 334, "1": 333, "2": 333}
    probabilities = np.array([[float(row[f"p{digit}"]) for digit in range(10)] for row in rows])
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)

    truth = real_digits.required_labels[:1000]
    out_of_fold = (probabilities.argmax(axis=1) == truth).mean()
    assert json.loads((out / "manifest.json").read_text())["figures"]["accuracy"] == pytest.approx(out_of_fold)
    learnt = (Recognizer.load(out).predict(real_digits.images[:1000]) == truth).mean()
    assert learnt > out_of_fold  # so the figure is not the one on rows that the model has learnt
