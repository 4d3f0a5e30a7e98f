"""Cross-validation through the command, and going on from an earlier run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import kaggle
from inkdigit.data.digits import Digits
from inkdigit.recognizer import Recognizer
from tests.conftest import Command, part

SMALL = ["--filters", "8, 16", "--dense", "32", "--epochs", "3", "--batch-size", "64"]


def test_folds_make_one_run_and_out_of_fold_probabilities(
    inkdigit: Command, files: Path, tmp_path: Path, real_digits: Digits
) -> None:
    out = tmp_path / "run"
    done = inkdigit("train", "--train", files / "small.csv", "--folds", 3, *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "1,000 out-of-fold rows" in done.stdout
    evaluation = next(line for line in done.stdout.splitlines() if line.startswith("Evaluation: "))
    assert "images/s" not in evaluation  # the folds' networks have read them before

    with (out / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(1000))
    assert [int(row["label"]) for row in rows] == real_digits.truth[:1000].tolist()
    assert {fold: sum(row["fold"] == fold for row in rows) for fold in "012"} == {"0": 334, "1": 333, "2": 333}
    probabilities = np.array([[float(row[f"p{digit}"]) for digit in range(10)] for row in rows])
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)

    truth = real_digits.truth[:1000]
    out_of_fold = (probabilities.argmax(axis=1) == truth).mean()
    assert json.loads((out / "manifest.json").read_text())["figures"]["accuracy"] == pytest.approx(out_of_fold)
    learnt = (Recognizer.load(out).predict(real_digits.images[:1000]) == truth).mean()
    assert learnt > out_of_fold  # so the figure is not the one on rows that the model has learnt


def test_learning_goes_on_from_a_run(
    inkdigit: Command, run_folder: Path, tmp_path: Path, real_digits: Digits, files: Path
) -> None:
    """Digits mirrored left to right: the old network reads most of them wrongly, and soon learns better."""
    mirrored = Digits(real_digits.images[:, :, ::-1], real_digits.truth, "mirrored")
    kaggle.write_csv(tmp_path / "train.csv", part(mirrored, slice(600)))
    held_out = part(mirrored, slice(5000, 6000))
    before = (Recognizer.load(run_folder).predict(held_out.images) == held_out.truth).mean()
    arguments = ["--start-from", run_folder, "--train", tmp_path / "train.csv", "--epochs", 4]
    done = inkdigit("train", *arguments, "--out", tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    after = (Recognizer.load(tmp_path / "mine").predict(held_out.images) == held_out.truth).mean()
    assert after > before + 0.2

    alone = inkdigit("train", "--start-from", run_folder, "--out", tmp_path / "other")
    nowhere = inkdigit("train", "--start-from", files, "--train", tmp_path / "train.csv", "--out", tmp_path / "other")
    other = inkdigit("train", *arguments, "--dense", 16, "--out", tmp_path / "other")
    assert alone.returncode == nowhere.returncode == other.returncode == 2
    assert "whose dense cannot be changed" in other.stderr
    assert "--start-from goes with --train" in alone.stderr
    assert "no finished run" in nowhere.stderr
