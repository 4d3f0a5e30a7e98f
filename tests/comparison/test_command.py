"""`inkdigit compare`, in this process."""

from __future__ import annotations

import json
from pathlib import Path

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.conftest import Command, part


def test_the_table_is_printed_and_the_page_is_written(run_in_process: Command, folder: Path, tmp_path: Path) -> None:
    done = run_in_process("compare", folder / "many", folder / "few", "--out", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    assert "1,000 images on which both were scored and neither was trained" in done.stdout
    settings = done.stdout[done.stdout.index("setting") :].split("\n\n")[0]
    assert [line.split()[0] for line in settings.splitlines()] == ["setting", "filters", "epochs", "training"]
    assert str(tmp_path / "page" / "comparison.html") in done.stdout


def test_json_is_one_object(run_in_process: Command, folder: Path, real_digits: Dataset, tmp_path: Path) -> None:
    kaggle_csv.write_csv(tmp_path / "labelled.csv", part(real_digits, slice(5000, 5200)))
    command = ["compare", folder / "many", folder / "few", "--data", tmp_path / "labelled.csv"]
    done = run_in_process(*command, "--out", tmp_path / "page", "--json")
    assert json.loads(done.stdout).keys() == {"rows", "runs", "duels", "settings", "notes"}


def test_an_error_is_one_line_and_nothing_is_written(run_in_process: Command, folder: Path, tmp_path: Path) -> None:
    for others, place in (([], ""), ([tmp_path / "absent"], "absent"), ([tmp_path], "manifest.json")):
        done = run_in_process("compare", folder / "many", *others, "--out", tmp_path / "page")
        assert (done.returncode, done.stdout) == (2, "")
        assert place in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page").exists()
