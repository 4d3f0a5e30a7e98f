"""A submission that is killed."""

from __future__ import annotations

from pathlib import Path

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.runs.run import SHIPPED_RUN
from tests.conftest import Command, RunAndKill, part


def test_a_kill_leaves_the_old_submission_whole(
    run_in_process: Command, run_and_kill: RunAndKill, real_digits: Dataset, tmp_path: Path
) -> None:
    kaggle_csv.write_csv(tmp_path / "test.csv", part(real_digits, slice(100), labelled=False))
    command = ["submit", SHIPPED_RUN, "--test", tmp_path / "test.csv", "-o", tmp_path / "submission.csv"]
    (tmp_path / "submission.csv").write_text("old")
    run_and_kill("submission.csv", *command)
    assert (tmp_path / "submission.csv").read_text() == "old"
    assert run_in_process(*command).returncode == 0
    assert (tmp_path / "submission.csv").read_text().count("\n") == 101
