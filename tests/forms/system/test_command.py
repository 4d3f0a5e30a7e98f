"""`inkdigit read --form`: a table that is whole or not there, with a row for every picture."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from PIL import Image

from docs.examples.form import make
from tests.conftest import Command, RunAndKill

HERE = make.HERE
FORM = HERE / "form.toml"
NAMES = list(make.LABELS)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_picture_that_cannot_be_read_has_a_row_too(run_in_process: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.png").write_text("Dear all")
    Image.new("RGB", (800, 600), "white").save(tmp_path / "white.png")
    shutil.copy(HERE / "filled.jpg", tmp_path / "filled ä.jpg")
    pictures = ["letter.png", "absent.png", "white.png", "filled ä.jpg"]
    done = run_in_process("read", "--form", FORM, *pictures, "-o", "out.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 3
    assert all(
        line.startswith(f"Error: {name}") for line, name in zip(done.stderr.splitlines(), pictures, strict=False)
    )
    table = rows(tmp_path / "out.csv")
    assert [row["file"] for row in table] == pictures
    assert all(name in row["error"] for name, row in zip(pictures, table[:3], strict=False))
    assert all(row[name] == row[f"{name}_confidence"] == "" for row in table[:3] for name in NAMES)
    assert table[3]["error"] == ""
    assert table[3]["customer"] == make.TRUTH["filled.jpg"]["customer"]
    assert done.stdout.splitlines()[-1].startswith("out.csv: 1 of 4 ")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(pictures) - {"absent.png"} | {"out.csv"})


def test_a_kill_leaves_the_old_table(run_and_kill: RunAndKill, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("old")
    command = ["read", "--form", FORM, HERE / "filled.jpg", "-o", tmp_path / "answers.csv", "--force"]
    run_and_kill("answers.csv", *command)
    assert (tmp_path / "answers.csv").read_text() == "old"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--form", "absent.toml"], "absent.toml"),
        (["--form", FORM, "--review", "answers.csv"], "answers.csv"),
        (["--form", FORM, "--single"], "--single"),
        (["--form", FORM, "--url", "http://x"], "--url"),
        (["--form", FORM, "--model", "absent"], "absent"),
        (["--review", "page.html"], "--review"),
        (["--force"], "--force"),
        (["--form", FORM, "-o", "/dev/null/x.csv"], "/dev/null/x.csv"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    run_in_process: Command, tmp_path: Path, arguments: list[object], place: str
) -> None:
    done = run_in_process("read", HERE / "filled.jpg", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert place in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
