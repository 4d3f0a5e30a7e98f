"""`inkdigit submit` and `inkdigit evaluate` with several runs: linear models on real digits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.conftest import Command, part
from tests.handmade import forget_predictions, make_run


@pytest.fixture(scope="module")
def runs(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs, trained on the first 800 digits and on digits 1,000 to 1,800."""
    folder = tmp_path_factory.mktemp("runs")
    scored = part(real_digits, slice(5000, 5200))
    return [
        make_run(folder / "first", part(real_digits, slice(800)), scored),
        make_run(folder / "second", part(real_digits, slice(1000, 1800)), scored, seed=5),
    ]


def test_several_runs_submit_and_are_scored_as_their_mean(
    run_in_process: Command, runs: list[Path], real_digits: Dataset, tmp_path: Path
) -> None:
    test = part(real_digits, slice(9000, 9500))
    kaggle_csv.write_csv(tmp_path / "test.csv", Dataset(test.images, None, ""))
    kaggle_csv.write_csv(tmp_path / "labelled.csv", test)
    done = run_in_process("submit", *runs, "--test", tmp_path / "test.csv", "-o", tmp_path / "submission.csv")
    assert done.returncode == 0, done.stderr
    assert "28,000" in done.stderr  # the rows that Kaggle takes
    mean = np.mean([Recognizer.load(run).predict_proba(test.images) for run in runs], axis=0).argmax(axis=1)
    written = np.loadtxt(tmp_path / "submission.csv", int, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(written[:, 1], mean)
    scored = run_in_process("evaluate", *runs, "--data", tmp_path / "labelled.csv", "--json")
    assert json.loads(scored.stdout)["correct"] == (mean == test.required_labels).sum()


def test_rows_that_a_run_was_trained_on_are_counted_and_warned_of(
    run_in_process: Command, runs: list[Path], real_digits: Dataset, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    kaggle_csv.write_csv(rows, part(real_digits, slice(700, 1300)))
    done = run_in_process("evaluate", *runs, "--data", rows, "--json")
    assert json.loads(done.stdout)["learnt_rows"] == 400
    first, second = done.stderr.splitlines()
    for warning, name, count in ((first, "first", "100"), (second, "second", "300")):
        assert warning.startswith(f"Warning: {name} ")
        assert f" {count} of the 600 " in warning
    submitted = run_in_process("submit", runs[0], "--test", rows, "-o", tmp_path / "submission.csv")
    assert submitted.stderr.splitlines()[0] == first


def test_rows_that_no_run_was_trained_on_are_no_warning(
    run_in_process: Command, runs: list[Path], real_digits: Dataset, tmp_path: Path
) -> None:
    kaggle_csv.write_csv(tmp_path / "rows.csv", part(real_digits, slice(800, 1000)))
    done = run_in_process("evaluate", *runs, "--data", tmp_path / "rows.csv", "--json")
    assert (done.stderr, json.loads(done.stdout)["learnt_rows"]) == ("", 0)


def test_a_run_that_does_not_know_its_rows_is_warned_of(
    run_in_process: Command, real_digits: Dataset, tmp_path: Path
) -> None:
    scored = part(real_digits, slice(5000, 5200))
    old = make_run(tmp_path / "old", part(real_digits, slice(800)), scored)
    forget_predictions(old)
    kaggle_csv.write_csv(tmp_path / "rows.csv", scored)
    done = run_in_process("evaluate", old, "--data", tmp_path / "rows.csv", "--json")
    assert json.loads(done.stdout)["learnt_rows"] is None
    assert done.stderr.startswith("Warning: old ")


def test_a_run_named_twice_is_refused(run_in_process: Command, runs: list[Path], files: Path, tmp_path: Path) -> None:
    done = run_in_process("submit", runs[0], runs[0], "--test", files / "test.csv", "-o", tmp_path / "submission.csv")
    assert done.returncode == 2
    assert str(runs[0]) in done.stderr
    assert not (tmp_path / "submission.csv").exists()
