"""`inkdigit read`: lines of digits for people and programs, from files of every kind, here and by a server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from tests.conftest import Command
from tests.pages import file, page
from tests.serving import Served, served


@pytest.fixture(scope="module")
def folder(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of each kind, a scan of two pages as PDF and as TIFF, a blank picture, and one that is none."""
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    folder = tmp_path_factory.mktemp("pictures")
    two = page(real_digits, "0522\n1859")
    for kind, name in (("PNG", "a.png"), ("JPEG", "b.jpg"), ("WEBP", "c ü.webp")):
        (folder / name).write_bytes(file(kind, two))
    pages = page(real_digits, "314"), page(real_digits, "27\n1")
    (folder / "scan.pdf").write_bytes(file("PDF", pages[0], pages[1:], resolution=200))
    (folder / "scan.tif").write_bytes(file("TIFF", pages[0], pages[1:], compression="tiff_lzw"))
    (folder / "blank.png").write_bytes(file("PNG", Image.new("RGB", (300, 200), "white")))
    (folder / "letter.png").write_text("Dear all")
    return folder


@pytest.fixture(scope="module")
def server() -> Generator[Served]:
    with served() as server:
        yield server


def answers(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_one_picture_is_read_as_bare_text(run_command: Command, folder: Path) -> None:
    done = run_command("read", "a.png", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0522\n1859\n", "")


def test_lines_of_several_pictures_have_their_names_and_failures_do_not_stop_others(
    run_in_process: Command, folder: Path
) -> None:
    names = ["a.png", "letter.png", "b.jpg", "blank.png", "absent.png", "c ü.webp", "scan.tif"]
    done = run_in_process("read", *names, cwd=folder)
    assert done.returncode == 2
    two = ["0522", "1859"]
    assert done.stdout.splitlines() == [
        *(f"{name}: {line}" for name in ("a.png", "b.jpg", "c ü.webp") for line in two),
        "scan.tif, page 1: 314",
        "scan.tif, page 2: 27",
        "scan.tif, page 2: 1",
    ]
    letter, blank, absent = done.stderr.splitlines()
    assert letter.startswith("Error: letter.png")
    assert blank.startswith("blank.png")
    assert absent.startswith("Error: absent.png")


def test_json_has_an_object_a_picture_or_page(run_in_process: Command, folder: Path) -> None:
    done = run_in_process("read", "--json", "a.png", "letter.png", "scan.pdf", "blank.png", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "")
    picture, letter, first, second, blank = answers(done.stdout)
    assert list(picture) == ["file", "text", "lines", "rejected"]
    assert (picture["file"], picture["text"]) == ("a.png", "0522\n1859")
    assert [line["text"] for line in picture["lines"]] == ["0522", "1859"]
    digit = picture["lines"][1]["digits"][2]
    assert list(digit) == ["digit", "confidence", "probabilities", "box"]
    assert (digit["digit"], len(digit["probabilities"])) == (5, 10)
    x, y, width, height = digit["box"]
    assert 20 + 2 * 134 <= x < x + width <= 20 + 2 * 134 + 112
    assert 20 + 156 <= y < y + height <= 20 + 156 + 112
    assert set(letter) == {"file", "error"}
    assert [(part["file"], part["page"], part["text"]) for part in (first, second)] == [
        ("scan.pdf", 1, "314"),
        ("scan.pdf", 2, "27\n1"),
    ]
    assert blank == {"file": "blank.png", "text": "", "lines": [], "rejected": []}


def test_a_line_is_read_as_one_and_doubtful_digits_are_left_out(run_in_process: Command, folder: Path) -> None:
    done = run_in_process("read", "--json", "--line", "--min-confidence", 1, "a.png", cwd=folder)
    (answer,) = answers(done.stdout)
    assert answer["text"] == ""
    assert {rejected["reason"] for rejected in answer["rejected"]} == {"not sure"}
    (answer,) = answers(run_in_process("read", "--json", "--line", "a.png", cwd=folder).stdout)
    assert len(answer["lines"]) == 1


def test_annotated_pictures_have_the_names_of_their_files_and_replace_no_file(
    run_in_process: Command, folder: Path, tmp_path: Path
) -> None:
    for name in ("one/a.png", "other/a.png"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(folder / "a.png", tmp_path / name)
    files = [tmp_path / "one" / "a.png", tmp_path / "other" / "a.png", folder / "b.jpg", folder / "scan.pdf"]
    done = run_in_process("read", "--json", "--annotate", tmp_path / "one", *files)
    assert done.returncode == 0, done.stderr
    written = [Path(answer["annotated"]).name for answer in answers(done.stdout)]
    assert written == ["a-2.png", "a-3.png", "b.jpg", "scan-page1.png", "scan-page2.png"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(["a.png", *written])
    assert (tmp_path / "one" / "a.png").read_bytes() == (folder / "a.png").read_bytes()
    for name in written:
        with Image.open(tmp_path / "one" / name) as image:
            assert image.format == ("JPEG" if name.endswith("jpg") else "PNG")
            image.load()


def test_a_server_reads_alike(run_in_process: Command, folder: Path, server: Served, tmp_path: Path) -> None:
    names = ["a.png", "b.jpg", "scan.pdf", "scan.tif", "blank.png"]
    here = answers(run_in_process("read", "--json", *names, cwd=folder).stdout)
    done = run_in_process(
        "read", "--json", "--annotate", tmp_path, "--url", server.url, *names, "letter.png", cwd=folder
    )
    assert (done.returncode, done.stderr) == (2, "")
    *there, letter = answers(done.stdout)
    assert len(here) == 7
    for one, other in zip(here, there, strict=True):
        assert Path(other.pop("annotated")).is_file()
        assert {name: value for name, value in one.items() if name != "lines"} == {
            name: value for name, value in other.items() if name != "lines"
        }
        found, expected = ([digit for line in each["lines"] for digit in line["digits"]] for each in (one, other))
        assert [digit["box"] for digit in found] == [digit["box"] for digit in expected]
        assert [digit["confidence"] for digit in found] == pytest.approx(
            [digit["confidence"] for digit in expected], abs=1e-4
        )
    assert f"letter.png was not read by {server.url} (415)" in letter["error"]


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--single", "--annotate", "x"], "--annotate"),
        (["--single", "--min-confidence", "0"], "--min-confidence"),
        (["--url", "http://x", "--model", "run"], "--model"),
        (["--annotate", "a.png/x"], "a.png/x"),
        (["--model", "absent"], "absent"),
    ],
)
def test_a_mistake_is_one_sentence(run_in_process: Command, folder: Path, arguments: list[str], place: str) -> None:
    done = run_in_process("read", "a.png", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert place in done.stderr
    assert done.stderr.count("\n") == 1
