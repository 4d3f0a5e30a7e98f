"""A submission that is killed."""

from __future__ import annotations

from pathlib import Path

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.runs.run import SHIPPED_RUN
from tests.conftest import Command, Killed, part


def test_a_kill_leaves_the_old_submission_whole(
    inkdigit_here: Command, killed: Killed, real_digits: Dataset, tmp_path: Path
) -> None:
    kaggle_csv.write_csv(tmp_path / "test.csv", part(real_digits, slice(100), labelled=False))
    command = ["submit", SHIPPED_RUN, "--test", tmp_path / "test.csv", "-o", tmp_path / "submission.csv"]
    (tmp_path / "submission.csv").write_text("old")
    killed("submission.csv", *command)
    assert (tmp_path / "submission.csv").read_text() == "old"
    assert inkdigit_here(*command).returncode == 0
    assert (tmp_path / "submission.csv").read_text().count("\n") == 101
