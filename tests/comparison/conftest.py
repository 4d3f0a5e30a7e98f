"""Runs to compare."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inkdigit.data.dataset import Dataset
from tests.conftest import part
from tests.handmade import make_run


@pytest.fixture(scope="package")
def folder(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `many` and `few`, scored on the same 1,000 digits, and `other`, on 500 of them and 500 more."""
    folder = tmp_path_factory.mktemp("runs")
    scored = part(real_digits, slice(5000, 6000))
    make_run(folder / "many", part(real_digits, slice(5000)), scored)
    make_run(folder / "few", part(real_digits, slice(800)), scored, epochs=3, filters=((8,), (8, 8)))
    make_run(folder / "other", part(real_digits, slice(1000, 5000)), part(real_digits, slice(5500, 6500)), seed=5)
    return folder


@pytest.fixture
def copies(folder: Path, tmp_path: Path) -> Path:
    """Copies of these runs, to be changed."""
    return shutil.copytree(folder, tmp_path / "copies")
