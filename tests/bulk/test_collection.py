"""Which files a collection has, and what is refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from inkdigit.bulk import collection
from inkdigit.bulk.location import locate
from inkdigit.data.csv_layout import PIXELS
from inkdigit.data.dataset import Dataset
from tests.bulk.conftest import find, lists
from tests.data import formats
from tests.errors import refused


def test_a_changed_file_is_noticed_behind_a_link(few: Dataset, tmp_path: Path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "link").symlink_to(lists(tmp_path, few))
    found = find(tmp_path / "source")
    os.utime(tmp_path / "digits.parquet", ns=(1, 1))
    assert find(tmp_path / "source").fingerprint != found.fingerprint


def test_a_source_where_the_predictions_go_is_refused(few: Dataset, tmp_path: Path):
    lists(tmp_path, few)
    with refused("source-in-out", tmp_path):
        collection.find(str(tmp_path / "digits.parquet"), locate(str(tmp_path)))


REFUSED = {  # code, and what is named beside the source
    "missing": ("file-not-found", ""),
    "empty": ("source-empty", ""),
    "labels": ("idx-images-missing", ""),
    "header": ("csv-header-unknown", "line 1"),
    "zip": ("format-unknown", ""),
    "huge": ("file-damaged", "4,000,000,000"),
    "notes": ("source-empty", ""),
    "line": ("csv-line-too-long", "line 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_source_without_digits_is_refused(case: str, few: Dataset, tmp_path: Path):
    source = tmp_path / case
    header = b",".join(name.encode() for name in PIXELS)
    contents = {
        "labels": struct.pack(">II", 2049, 3) + bytes(3),
        "zip": formats.csv_zip(tmp_path, few).read_bytes(),
        "header": b"a,b\n1,2\n",
        "huge": struct.pack(">IIII", 2051, 4 * 10**9, 28, 28) + bytes(783),
        "line": header + b"\n" + b"1" * (3 << 20),
    }
    if case in contents:
        source.write_bytes(contents[case])
    elif case != "missing":
        source.mkdir()
        if case == "notes":
            (source / "notes.md").touch()
    code, place = REFUSED[case]
    with refused(code, case, place):
        find(source)


def test_a_pattern_chooses_among_the_files(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "d.png", "e.png", "sub/b.jpg"):
        (tmp_path / name).touch()
    assert [piece.files for piece in find(f"{tmp_path}/[ad].png").parts] == [("a.png",), ("d.png",)]
    assert [piece.files for piece in find(f"{tmp_path}/**/*.jpg").parts] == [("sub/b.jpg",)]
