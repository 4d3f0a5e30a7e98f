"""Pictures of forms become one table: with a row for every picture, in a file that is not one of its sources."""

from __future__ import annotations

import csv
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from docs.examples.form.make import HERE
from inkdigit.forms.job import FormJob
from inkdigit.utils.lock import exclusive
from inkdigit.utils.printable import printable
from tests.errors import refused

FORM = HERE / "form.toml"


def work(job: FormJob) -> tuple[bool, list[str], list[str]]:
    """Whether all was read, the lines reported, and those warned of."""
    reports: list[str] = []
    warnings: list[str] = []
    return job.work(reports.append, warnings.append), reports, warnings


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_name_that_is_a_formula_stays_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ['=HYPERLINK("x","y").png', "+1.png", "@a.png", "\t=1.png", 'a,"b.png', "-1.png"]
    for name in names:
        Path(name).write_text("no picture")
    complete, _, warnings = work(FormJob(FORM, list(map(Path, names)), Path("out.csv")))
    assert not complete
    assert len(warnings) == len(names)
    table = rows(tmp_path / "out.csv")
    assert [row["file"] for row in table] == [*(f"'{printable(name)}" for name in names[:4]), names[4], "'-1.png"]
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in table for cell in row.values())


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_not_utf_8_has_its_row_as_any_other(tmp_path: Path) -> None:
    odd, plain = tmp_path / os.fsdecode(b"f\xfcll.png"), tmp_path / "plain.png"
    for path in (odd, plain):
        path.write_text("no picture")
    job = FormJob(FORM, [odd, plain], tmp_path / "out.csv", tmp_path / "review.html")
    complete, reports, warnings = work(job)
    assert not complete
    assert [row["file"].rpartition("/")[2] for row in rows(tmp_path / "out.csv")] == ["f\\udcfcll.png", "plain.png"]
    assert "plain.png" in (tmp_path / "review.html").read_text(encoding="utf-8")
    for line in (*reports, *warnings):
        line.encode()  # can be printed


@pytest.mark.parametrize("target", ["table", "review"])
def test_no_source_is_written_over(tmp_path: Path, target: str) -> None:
    picture = tmp_path / "form.jpg"
    picture.write_text("old")
    job = FormJob(FORM, [picture], tmp_path / "out.csv")
    with refused("file-in-use", picture):
        work(replace(job, **{target: picture}))
    with refused("file-unwritable", tmp_path):
        work(replace(job, **{target: tmp_path}))
    assert [path.name for path in tmp_path.iterdir()] == ["form.jpg"]
    assert picture.read_text() == "old"


@pytest.mark.parametrize("existing", ["out.csv", "review.html"])
def test_what_exists_is_replaced_only_when_asked(tmp_path: Path, existing: str) -> None:
    picture = tmp_path / "form.jpg"
    picture.write_text("no picture")
    (tmp_path / existing).write_text("old")
    job = FormJob(FORM, [picture], tmp_path / "out.csv", tmp_path / "review.html")
    with refused("file-exists", tmp_path / existing, "--force"):
        work(job)
    assert (tmp_path / existing).read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["form.jpg", existing])
    work(replace(job, force=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["form.jpg", "out.csv", "review.html"]
    assert (tmp_path / existing).read_text() != "old"


def test_a_table_that_another_process_writes_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "form.jpg"
    picture.write_text("no picture")
    job = FormJob(FORM, [picture], tmp_path / "out.csv")
    with exclusive(job.table), refused("file-locked", job.table):
        work(job)
    work(job)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["form.jpg", "out.csv"]
