"""The Kaggle notebook's search for its files, outside Kaggle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.docs.notebook import read_notebook


def test_local_files_are_found_and_missing_ones_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (inputs,) = (cell.source for cell in read_notebook().cells if cell.id == "inputs")
    with pytest.raises(AssertionError, match="inkdigit data kaggle"):
        exec(inputs, {})
    kaggle_csv.write_csv(
        tmp_path / "data" / "train.csv", Dataset(np.zeros((1, 28, 28), np.uint8), np.zeros(1, int), "")
    )
    found: dict[str, Any] = {}
    exec(inputs, found)
    assert found["data"] == Path("data")
