"""Names with characters that mean something to terminals, rich or spreadsheets are shown as they are."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.runs.run import MANIFEST, SHIPPED_RUN
from tests.conftest import LINEAR, Command, RunAndKill
from tests.pages import page
from tests.paths import DOCS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux may a name hold any byte")

# A formula, a mark and an emoji of rich, a colour and a bell, a line of its own, text that runs backwards, no UTF-8.
AWFUL = "=cmd| [red]:smile: \x1b[31m\x07\nError: none \u202e" + os.fsdecode(b"\xfc\xff")
SHOWN = "=cmd| [red]:smile: \\u001b[31m\\u0007\\u000aError: none \\u202e\\udcfc\\udcff"
FORM = DOCS / "examples" / "form"


class AwfulCommands:
    """Runs commands and checks what they print."""

    def __init__(self, run: Command, folder: Path) -> None:
        self._run, self.folder = run, folder

    def __call__(self, *arguments: object, shows: bool = True) -> str:
        """Run a command that must work; its standard output, and all that it shows has no character of its own."""
        done = self._run(*arguments)
        assert done.returncode == 0, done.stderr
        printed = done.stdout + done.stderr
        printed.encode()  # no byte that is not UTF-8
        assert set(printed) & set("\x1b\x07\u202e") == set()
        assert not any(line.startswith("Error: none") for line in printed.splitlines())
        assert (SHOWN in printed) is shows, printed
        return done.stdout

    def path(self, suffix: str = "") -> Path:
        """A file or folder with the name; with its folder, the path holds the mark [/b]."""
        return self.folder / f"b] {AWFUL}{suffix}"


@pytest.fixture(scope="module")
def run(run_in_process: Command, tmp_path_factory: pytest.TempPathFactory, files: Path) -> AwfulCommands:
    """The commands, and a folder with digits, a picture and a form of that name."""
    folder = tmp_path_factory.mktemp("awful") / "out["
    folder.mkdir()
    run = AwfulCommands(run_in_process, folder)
    shutil.copy(files / "small.csv", run.path(".csv"))
    shutil.copy(FORM / "filled.jpg", run.path(".jpg"))
    shutil.copy(FORM / "form.toml", run.path(".toml"))
    return run


def test_a_training_ends_and_its_run_is_used(run: AwfulCommands) -> None:
    network, out, data = run.path(".py"), run.path("-run"), run.path(".csv")
    network.write_text(LINEAR)
    training = ("--train", data, "--model", network, "--epochs", 1, "--training-rows", 100)
    run("train", *training, "--out", out)
    assert "already holds this run" in run("train", *training, "--out", out)
    run("runs", run.folder)
    listed = json.loads(run("runs", run.folder, "--json", shows=False))
    assert listed["runs"][0]["folder"] == str(out)
    run("report", out)
    run("evaluate", out, "--data", data)
    run("compare", out, SHIPPED_RUN, "--data", data, "--out", run.path("-comparison"))
    run("submit", out, "--test", data, "-o", run.path("-submission.csv"))
    run("export", out, "-o", run.path(".onnx"))


def test_pictures_are_read(run: AwfulCommands, real_digits: Dataset) -> None:
    picture = run.path(".png")
    page(real_digits, "17").save(picture)
    run("read", picture, picture, "--annotate", run.path("-annotated"))
    read = json.loads(run("read", picture, "--json", shows=False))
    assert read["file"] == str(picture)
    table, review = run.path("-answers.csv"), run.path("-review.html")
    run("read", "--form", run.path(".toml"), run.path(".jpg"), "-o", table, "--review", review)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert SHOWN in rows[1][0]
    assert json.dumps(SHOWN)[1:-1] in review.read_text(encoding="utf-8")  # in the data of its script


def test_a_picture_that_cannot_be_read_is_one_line(run_in_process: Command, tmp_path: Path) -> None:
    for name in (AWFUL, "other"):
        (tmp_path / name).write_text("no picture")
    done = run_in_process("read", tmp_path / AWFUL, tmp_path / "other")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert SHOWN in done.stderr.splitlines()[0]


def test_tables_of_duplicates_hold_no_formula(
    run: AwfulCommands, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (f"{AWFUL}.csv", "plain.csv"):
        shutil.copy(files / "small.csv", name)
    run("audit", f"{AWFUL}.csv", "plain.csv", "--duplicates-only", "--out", run.path("-audit"))
    with (run.path("-audit") / "duplicates.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert f"'{SHOWN}.csv" in cells
    assert not [cell for cell in cells if cell.startswith("=")]


def test_pages_are_made_and_collections_predicted(run: AwfulCommands) -> None:
    run("synth", run.path("-pages"), "--pages", 1)
    run("bulk", run.path(".csv"), run.path("-predictions"))


def test_a_search_ends_and_goes_on(run: AwfulCommands, run_in_process: Command) -> None:
    space = run.path("-space.toml")
    out = run.folder / f"b] {AWFUL[:-2]} tune"  # a database takes UTF-8 alone
    space.write_text("batch_size = [32, 64]\n")
    search = ("tune", "--train", run.path(".csv"), "--space", space, "--epochs", 1, "--training-rows", 200)
    for trials in (1, 2):
        run(*search, "--trials", trials, "--out", out)
    done = run_in_process(*search, "--trials", 1, "--out", run.path("-tune"))
    assert done.returncode == 2
    assert SHOWN in done.stderr


def test_data_is_written(run: AwfulCommands) -> None:
    run("data", "split", "--train-rows", 69_000, "--to", run.path("-data"))


def test_a_training_goes_on(run: AwfulCommands, run_and_kill: RunAndKill) -> None:
    network, out = run.path("-mine.py"), run.path("-resumed")
    network.write_text(LINEAR)
    options = ("--train", run.path(".csv"), "--model", network, "--epochs", 2, "--training-rows", 100)
    run_and_kill(MANIFEST, "train", *options, "--out", out)
    run("train", "--resume", out)
