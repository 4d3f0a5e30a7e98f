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


def test_what_cannot_be_read_is_a_row_and_the_others_are_read(run_command: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.png").write_text("Dear all")
    Image.new("RGB", (800, 600), "white").save(tmp_path / "white.png")
    shutil.copy(HERE / "filled.jpg", tmp_path / "filled ä.jpg")
    pictures = ["letter.png", "absent.png", "white.png", "filled ä.jpg"]
    done = run_command("read", "--form", FORM, *pictures, "-o", "out.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 3
    assert all(
        line.startswith(f"Error: {name}") for line, name in zip(done.stderr.splitlines(), pictures, strict=False)
    )
    table = rows(tmp_path / "out.csv")
    assert [row["file"] for row in table] == pictures
    assert "not a picture" in table[0]["error"]
    assert "does not exist" in table[1]["error"]
    assert "the form was not found in it" in table[2]["error"]
    assert all(row[name] == row[f"{name}_confidence"] == "" for row in table[:3] for name in NAMES)
    assert table[3]["error"] == ""
    assert table[3]["customer"] == make.TRUTH["filled.jpg"]["customer"]
    assert done.stdout.splitlines()[-1].startswith("out.csv: 1 of 4 forms read, ")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(pictures) - {"absent.png"} | {"out.csv"})


def test_a_name_that_is_a_formula_stays_a_text(run_command: Command, tmp_path: Path) -> None:
    names = ['=HYPERLINK("x","y").png', "+1.png", "@a.png", "\t=1.png", 'a,"b.png']
    for name in names:
        (tmp_path / name).write_text("no picture")
    done = run_command("read", "--form", FORM, "-o", "out.csv", "--", *names, "-1.png", cwd=tmp_path)
    assert done.returncode == 2
    table = rows(tmp_path / "out.csv")
    assert [row["file"] for row in table] == [*(f"'{name}" for name in names[:4]), names[4], "'-1.png"]
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in table for cell in row.values())


def test_a_kill_leaves_the_old_table(run_and_kill: RunAndKill, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("old")
    run_and_kill("answers.csv", "read", "--form", FORM, HERE / "filled.jpg", "-o", tmp_path / "answers.csv")
    assert (tmp_path / "answers.csv").read_text() == "old"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--form", "absent.toml"], "absent.toml cannot be read: No such file or directory."),
        (["--form", FORM, "-o", "."], ". is a folder: name a file to write."),
        (["--form", FORM, "-o", HERE / "filled.jpg"], f"{HERE / 'filled.jpg'} would be written over what it is read"),
        (["--form", FORM, "--review", "answers.csv"], "answers.csv would be written over"),
        (["--form", FORM, "--single"], "--form reads the fields of a form into a table: leave out --single."),
        (["--form", FORM, "--url", "http://x"], "--form reads the fields of a form into a table: leave out --url."),
        (["--form", FORM, "--model", "absent"], "absent is not a folder"),
        (["--review", "page.html"], "-o and --review are for the fields of a form: name its template with --form."),
        (["--form", FORM, "-o", "/dev/null/x.csv"], "/dev/null/x.csv could not be written"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    run_command: Command, tmp_path: Path, arguments: list[object], sentence: str
) -> None:
    done = run_command("read", HERE / "filled.jpg", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {sentence}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
