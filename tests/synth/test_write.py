"""Where a folder of pages is refused, before any page is made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from inkdigit.cli import main
from inkdigit.synth.write import write_pages
from tests.errors import refused


@pytest.mark.parametrize(
    ("out", "names", "code", "place"),
    [
        ("there", ["blank-page"], "out-occupied", "there"),
        ("new", ["rain"], "hardship-unknown", "rain"),
        ("file/pages", ["blank-page"], "file-unwritable", "file/pages"),
    ],
)
def test_a_folder_that_cannot_be_made_is_refused(
    out: str, names: list[str], code: str, place: str, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("")
    with refused(code, place):
        write_pages(tmp_path / out, 1, 0, "train", names, lambda: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_the_core_alone_names_the_extra_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)  # as where it is not installed
    done = CliRunner().invoke(main, ["synth", str(tmp_path / "pages")])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "inkdigit[read]" in done.stderr
    assert not list(tmp_path.iterdir())


def test_two_calls_at_once_do_not_remove_each_others_pages(tmp_path: Path) -> None:
    out = tmp_path / "pages"

    def second_call() -> None:
        with refused("file-locked", out):
            write_pages(out, 1, 0, "train", ["blank-page"], lambda: None)

    write_pages(out, 1, 0, "train", ["blank-page"], second_call)
    assert (out / "labels.jsonl").is_file()
