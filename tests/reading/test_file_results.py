"""What became of each picture: for people and programs, whatever its name and its file's state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from inkdigit.errors import InkdigitError
from inkdigit.reading import file_reader, single
from inkdigit.reading.file_results import FileResult, PictureError, read_files


def test_a_name_that_is_not_utf_8_is_printed_and_comes_back_from_json() -> None:
    result = FileResult(Path("\udcff ü.png"), {"text": ""}, page=3)
    assert result.to_json().isprintable()
    assert json.loads(result.to_json())["file"] == "\udcff ü.png"
    assert result.name == "\\udcff ü.png, page 3"


def test_a_picture_that_cannot_be_read_does_not_keep_the_others_from_it() -> None:
    def read(file: Path) -> Iterator[FileResult]:
        yield FileResult(file, {"text": "7"}, page=1)
        if file.name == "bad":
            raise PictureError("bad is damaged.", code="file-damaged")

    found = list(read_files([Path("bad"), Path("good")], read))
    assert [(result.file.name, result.error) for result in found] == [
        ("bad", None),
        ("bad", "bad is damaged."),
        ("good", None),
    ]


def test_an_error_that_concerns_all_pictures_is_raised() -> None:
    def read(file: Path) -> Iterator[FileResult]:
        raise InkdigitError(f"{file} waits for a server.", code="server-unreachable")

    with pytest.raises(InkdigitError, match="waits"):
        list(read_files([Path("a"), Path("b")], read))


def test_json_has_what_was_read_beside_what_went_wrong() -> None:
    content = json.loads(FileResult(Path("a.png"), {"text": "7"}, "It was not drawn.").to_json())
    assert content == {"file": "a.png", "text": "7", "error": "It was not drawn."}


def test_lines_have_the_names_of_their_pictures_where_there_are_several() -> None:
    result = {"text": "05\n18"}
    assert file_reader.text_lines(FileResult(Path("a.png"), result), named=False) == ["05", "18"]
    assert file_reader.text_lines(FileResult(Path("a.png"), result), named=True) == ["a.png: 05", "a.png: 18"]
    paged = file_reader.text_lines(FileResult(Path("a.pdf"), result, page=2), named=False)
    assert [line.rpartition(": ")[2] for line in paged] == ["05", "18"]
    assert all(line.startswith("a.pdf") and "2" in line.rpartition(": ")[0] for line in paged)


@pytest.mark.parametrize(("confidence", "shown"), [(0.99999, "99.9 %"), (1.0, "100.0 %"), (0.5, "50.0 %")])
def test_only_what_is_certain_is_shown_as_certain(confidence: float, shown: str) -> None:
    (line,) = single.text_lines(FileResult(Path("a.png"), {"digit": 7, "confidence": confidence}))
    assert line == f"a.png: 7 ({shown})"
