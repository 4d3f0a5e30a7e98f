"""`inkdigit synth`: a whole folder or none, the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from inkdigit.data import mnist
from inkdigit.synth.write import write_pages
from tests.conftest import Command, RunAndKill


def test_a_folder_of_pages_with_their_labels(run_command: Command, tmp_path: Path):
    arguments = ["--seed", 3, "--source", "test", "--hardship", "thin-pen", "--hardship", "skewed-lines"]
    done = run_command("synth", tmp_path / "more" / "pages", "--pages", 2, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(row) for row in (tmp_path / "more" / "pages" / "labels.jsonl").read_text().splitlines()]
    assert done.stdout == f"{tmp_path}/more/pages: 2 pages, their labels in {tmp_path}/more/pages/labels.jsonl\n"
    assert [row["file"] for row in rows] == ["page-0000.png", "page-0001.png"]
    _, test = mnist.load()
    for row in rows:
        assert row["hardships"] == ["skewed-lines", "thin-pen"]
        assert row["text"].split("\n") == [line["text"] for line in row["lines"]]
        with Image.open(tmp_path / "more" / "pages" / row["file"]) as picture:
            pixels = np.asarray(picture.convert("L"))
        for digit in (digit for line in row["lines"] for digit in line["digits"]):
            assert digit["digit"] == test.required_labels[digit["source"]]
            x, y, width, height = digit["box"]
            assert np.ptp(pixels[y : y + height, x : x + width]) > 60

    again = run_command("synth", tmp_path / "again", "--pages", 1, *arguments)
    assert again.returncode == 0
    names = ["labels.jsonl", "page-0000.png"]
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == names
    first = (tmp_path / "more" / "pages" / "page-0000.png").read_bytes()
    assert (tmp_path / "again" / "page-0000.png").read_bytes() == first


def test_what_a_camera_took_is_a_jpeg_file(run_command: Command, tmp_path: Path):
    assert run_command("synth", tmp_path / "pages", "--pages", 1, "--hardship", "soft-shadow").returncode == 0
    with Image.open(tmp_path / "pages" / "page-0000.jpg") as picture:
        assert picture.format == "JPEG"


def test_what_a_kill_leaves_is_removed_by_the_next_call(run_and_kill: RunAndKill, tmp_path: Path):
    command = ("synth", tmp_path / "pages", "--pages", 1, "--hardship", "blank-page")
    run_and_kill("pages", *command)
    assert not (tmp_path / "pages").exists()
    assert list(tmp_path.glob(".pages.*.tmp"))
    others = [tmp_path / name for name in (".pages.notes.tmp", ".other.01234567.tmp", ".pages.01234567.tmp.old")]
    for other in others:
        other.mkdir()
    write_pages(tmp_path / "pages", 1, 0, "train", ["blank-page"], lambda: None)
    assert set(tmp_path.iterdir()) == {tmp_path / "pages", *others}
