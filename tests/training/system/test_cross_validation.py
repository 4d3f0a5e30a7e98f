"""Cross-validation through the command, killed twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.conftest import Command, RunAndKill


def test_folds_make_one_run_and_a_kill_costs_no_epoch(
    run_in_process: Command, run_and_kill: RunAndKill, few: Path, network: Path, tmp_path: Path, real_digits: Dataset
) -> None:
    out = tmp_path / "runs" / "run"
    command = ["train", "--train", few, "--model", network, "--epochs", 2, "--folds", 2, "--out", out]
    printed = run_and_kill("training-2.npz", *command)
    assert "Training 1 of 2, epoch 2/2" in printed
    assert not out.exists()
    printed = run_and_kill("checkpoints", "train", "--resume", out, event="shutil.rmtree")
    assert "Training 1 of 2: 2 of 2 epochs were done before." in printed
    assert "Training 2 of 2, epoch 2/2" in printed
    evaluation = next(line for line in printed.splitlines() if line.startswith("Evaluation: "))
    assert "images/s" not in evaluation  # the folds' networks have predicted them before

    assert (out / "checkpoints").is_dir()
    assert run_in_process("runs", out.parent).stdout.splitlines()[-1].startswith("run ")
    done = run_in_process(*command)
    assert "already holds this run" in done.stdout
    assert [path.name for path in out.parent.iterdir()] == ["run"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert {path.name for path in out.iterdir()} == {"manifest.json", *manifest["files"]}

    digits = real_digits.required_labels[:300]
    with (out / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["label"]) for row in rows] == digits.tolist()
    assert [sum(row["fold"] == fold for row in rows) for fold in "01"] == [150, 150]
    probabilities = np.array([[float(row[f"p{digit}"]) for digit in range(10)] for row in rows])
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    out_of_fold = (probabilities.argmax(axis=1) == digits).mean()
    assert manifest["figures"]["accuracy"] == pytest.approx(out_of_fold)
    assert manifest["figures"]["training_rows"] == 150
    known = (Recognizer.load(out).predict(real_digits.images[:300]) == digits).mean()
    assert known > out_of_fold  # so the figure is not the one on rows that the model was trained on
