"""The cheapest training there is: a linear network on few rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.conftest import LINEAR, making, part


@pytest.fixture(scope="session")
def network(shared: Path) -> Path:
    """A Python file with a linear network, for --model."""
    path = shared / "network.py"
    with making(path):
        if not path.exists():
            path.write_text(LINEAR)
    return path


@pytest.fixture(scope="session")
def few(real_digits: Dataset, shared: Path) -> Path:
    """A CSV file with 300 digits."""
    path = shared / "few.csv"
    with making(path):
        if not path.exists():
            kaggle_csv.write_csv(path, part(real_digits, slice(300)))
    return path
