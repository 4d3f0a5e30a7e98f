from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inkdigit.runs.run import read_run, write_manifest
from inkdigit.training.curve_points import curve_points
from inkdigit.training.learning_curve import training_sizes


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (40_320, [1000, 2000, 5000, 10_000, 20_000]),
        (900, [100, 200, 500]),
        (1000, [100, 200, 500]),
        (100, []),
    ],
)
def test_sizes(rows: int, sizes: list[int]):
    assert training_sizes(rows) == sizes


def add_run(folder: Path, rows: int, **changes: Any) -> None:
    """A finished run that was trained on `rows` rows."""
    folder.mkdir(parents=True)
    figures = {"training_rows": rows, "accuracy": 0.9, "low": 0.8, "high": 0.95, "training_seconds": rows / 100}
    about: dict[str, Any] = {
        "settings": {"epochs": 3, "seed": 0, "training_rows": rows},
        "model_file": None,
        "start_from": None,
        "folds": None,
        "figures": figures | {"scored_sha256": "abc"},
    }
    write_manifest(folder, [], about | changes)


def test_only_runs_that_differ_in_rows_alone_are_points(tmp_path: Path):
    add_run(tmp_path / "this", 5000)
    add_run(tmp_path / "few", 1000)
    add_run(tmp_path / "seed", 2000, settings={"epochs": 3, "seed": 1, "training_rows": 2000})
    add_run(tmp_path / "longer", 2000, settings={"epochs": 9, "seed": 0, "training_rows": 2000})
    add_run(tmp_path / "own network", 2000, model_file="def build…")
    add_run(tmp_path / "folds", 2000, folds=5)
    add_run(tmp_path / "fine-tuned", 2000, start_from="0123")
    add_run(tmp_path / "other images", 2000, figures={"training_rows": 2000, "scored_sha256": "def"})
    add_run(tmp_path / ".unfinished.partial", 2000)
    add_run(tmp_path / "of an older version", 2000, figures={})
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text("{")
    (tmp_path / "notes.txt").touch()
    points = curve_points(read_run(tmp_path / "this"), "this")
    assert [(point.name, point.rows) for point in points] == [("few", 1000), ("seed", 2000), ("this", 5000)]
    assert points[0].seconds == 10


def test_a_run_without_neighbours_has_no_curve(tmp_path: Path):
    add_run(tmp_path / ".this.partial", 5000)
    assert curve_points(read_run(tmp_path / ".this.partial"), "this") == []
    add_run(tmp_path / "same size", 5000)
    assert curve_points(read_run(tmp_path / ".this.partial"), "this") == []
    add_run(tmp_path / "few", 1000)
    names = [point.name for point in curve_points(read_run(tmp_path / ".this.partial"), "this")]
    assert names == ["few", "same size", "this"]
