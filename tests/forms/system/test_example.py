"""The commands of docs/forms.md, on the example they are written for."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from docs.examples.form.make import HERE, TRUTH
from inkdigit.forms import template
from inkdigit.forms.decode import rule_violation
from tests.conftest import Command
from tests.paths import DOCS

PAGE = DOCS / "forms.md"


@pytest.fixture(scope="module")
def done(run_command: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of the example's folder after the page's commands, and what they printed."""
    folder = tmp_path_factory.mktemp("forms") / "form"
    shutil.copytree(HERE, folder)
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines() if line.startswith("inkdigit ")]
    assert commands
    said = ""
    for command in commands:
        ran = run_command(*command[1:], cwd=folder)
        assert ran.returncode == 0, ran.stderr
        said += ran.stdout
    return folder, said


def table(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_plain_writing_is_read(done: tuple[Path, str]) -> None:
    row = table(done[0])["filled.jpg"]
    assert {name: row[name] for name in TRUTH["filled.jpg"]} == TRUTH["filled.jpg"]
    assert row["error"] == ""
    assert all(float(row[f"{name}_confidence"]) >= 0.9 for name in ("customer", "born", "isbn", "copies", "postcode"))


def test_hasty_writing_is_read_or_doubtful(done: tuple[Path, str]) -> None:
    row, truth = table(done[0])["hasty.jpg"], TRUTH["hasty.jpg"]
    sure = [name for name in truth if float(row[f"{name}_confidence"]) >= 0.9]
    assert len(sure) >= 2
    assert {name: row[name] for name in sure} == {name: truth[name] for name in sure}


def test_the_review_page_shows_the_doubtful_fields(done: tuple[Path, str]) -> None:
    folder, said = done
    doubtful = [
        (file, name)
        for file, row in table(folder).items()
        for name in TRUTH[file]
        if float(row[f"{name}_confidence"]) < 0.9
    ]
    shown = re.findall(r"<h2>(\w+) <small>(.*?)</small></h2>", (folder / "review.html").read_text(encoding="utf-8"))
    assert sorted((file, name) for name, file in shown) == sorted(doubtful)
    assert said.splitlines()[-1] == (
        f"answers.csv: 2 of 2 forms read, {len(doubtful)} of 14 fields doubtful: look at review.html"
    )


def test_the_truth_keeps_the_rules() -> None:
    for field in template.load(HERE / "form.toml").fields:
        for answers in TRUTH.values():
            assert not answers[field.name] or rule_violation(answers[field.name], field.rule) is None


def test_the_pictures_are_small_and_have_no_metadata() -> None:
    for name in TRUTH:
        assert (HERE / name).stat().st_size <= 300_000
        with Image.open(HERE / name) as picture:
            assert not picture.getexif()


def test_the_page_names_every_key_and_check() -> None:
    from inkdigit.forms.check_digits import CHECKS

    text = PAGE.read_text(encoding="utf-8")
    keys = ("page", "marks", "name", "box", "boxes", "length", "pattern", "check", "min_confidence", "optional")
    assert [word for word in (*keys, *CHECKS) if f"`{word}`" not in text] == []
