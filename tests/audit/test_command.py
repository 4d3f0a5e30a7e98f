"""`inkdigit audit` of files that it cannot audit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.conftest import Command


def test_files_that_cannot_be_audited_are_refused(run_in_process: Command, files: Path, tmp_path: Path) -> None:
    kaggle_csv.write_csv(tmp_path / "few.csv", Dataset(np.zeros((9, 28, 28), np.uint8), np.arange(9), ""))
    for path in (files / "test.csv", files / "absent.csv", tmp_path / "few.csv"):
        done = run_in_process("audit", path, "--out", tmp_path / "found")
        assert (done.returncode, done.stdout) == (2, "")
        assert path.name in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "found").exists()
