"""A search of seconds: the smallest of networks on 1,000 rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdigit.tune.results import TrialResult
from tests.tune.studies import OWN, TRIALS, study, trained

BASE = """
preset = "article"
filters = [[4]]
kernel_size = [3]
padding = ["same"]
dense = 0
epochs = 3
batch_size = 64
seed = 1
"""
SPACE = """
learning_rate = {low = 0.001, high = 0.02, log = true}
dropout = {low = 0.0, high = 0.5}
optimizer = ["adam", "adamw"]
"""


@pytest.fixture(scope="session")
def search(files: Path, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The command of the search, but for --trials and --out."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "base.toml").write_text(BASE)
    (folder / "space.toml").write_text(SPACE)
    settings = ["--config", folder / "base.toml", "--space", folder / "space.toml"]
    return ["tune", "--train", files / "small.csv", *settings]


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> list[TrialResult]:
    """The trials of a study that nothing interrupted."""
    search = study(tmp_path_factory.mktemp("unbroken"))
    for _ in range(TRIALS):
        trained(search, search.ask(OWN))
    return search.results()
