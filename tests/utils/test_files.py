"""A file is whole or as it was before."""

import os
import sys
import zlib
from pathlib import Path

import pytest

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic, cache_dir, reading
from tests.errors import refused


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_after_half(path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def fail_after_half_a_folder(path: Path) -> None:
    with atomic(path) as temporary:
        temporary.mkdir()
        (temporary / "manifest.json").write_text("{}")
        raise ZeroDivisionError


def test_the_file_appears_when_the_block_ends(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "figures.json"
    with atomic(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["figures.json"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "figures.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        fail_after_half(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["figures.json"]


def test_a_folder_appears_whole_too(tmp_path: Path):
    with atomic(tmp_path / "run") as temporary:
        temporary.mkdir()
        (temporary / "manifest.json").write_text("{}")
    assert (tmp_path / "run" / "manifest.json").read_text() == "{}"

    with pytest.raises(ZeroDivisionError):
        fail_after_half_a_folder(tmp_path / "other")
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("path", ["file/below.csv", "folder"])
def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, path: str):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with refused("file-unwritable", tmp_path / path), atomic(tmp_path / path) as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as POSIX has them")
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "new" / "target.csv")
    with atomic(tmp_path / "link.csv") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "link.csv").is_symlink()
    assert names(tmp_path / "new") == ["target.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as POSIX has them")
def test_a_file_never_replaces_a_pipe(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with refused("file-unwritable", tmp_path / "pipe"), atomic(tmp_path / "pipe") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_name_that_is_too_long_is_refused(tmp_path: Path):
    with refused("file-unwritable", "xxx"), atomic(tmp_path / ("x" * 300)) as temporary:
        temporary.write_text("whole")


@pytest.mark.parametrize("path", ["", "/"])
def test_a_path_without_a_name_is_refused(path: str):
    with refused("file-unwritable"), atomic(Path(path)) as temporary:
        temporary.write_text("whole")


def test_the_variable_chooses_the_cache_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("INKDIGIT_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("INKDIGIT_CACHE")
    assert cache_dir().name.lower() == "inkdigit" or cache_dir().parent.name.lower() == "inkdigit"


def write_and_fail(path: Path) -> None:
    path.write_text("new")
    raise InkdigitError("line 2: half a row", code="csv-row-short")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path):
    path = tmp_path / "digits.csv"
    path.write_text("old")
    with refused("file-changed", path), reading(path):
        path.write_text("newer")
    with refused("file-changed", path), reading(path):
        write_and_fail(path)
    with refused("file-changed", tmp_path), reading(tmp_path):
        (tmp_path / "another.csv").touch()


FAULTS: dict[str, tuple[Exception, str, str]] = {
    "not there": (FileNotFoundError(2, "No such file"), "file-not-found", "digits.csv"),
    "not allowed": (PermissionError(13, "Permission denied"), "file-unreadable", "(Permission denied)"),
    "damaged": (zlib.error("incorrect\n data check"), "file-damaged", "(incorrect data check)"),
    "too large": (MemoryError(), "file-too-large", "digits.csv"),
    "a sentence already": (InkdigitError("line 2: half a row", code="csv-row-short"), "csv-row-short", "line 2"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_failed_reading_has_a_code_and_names_the_file(tmp_path: Path, case: str):
    fault, code, words = FAULTS[case]
    path = tmp_path / "digits.csv"
    path.touch()
    with refused(code, words), reading(path):
        raise fault


@pytest.mark.skipif(sys.platform == "win32", reason="Windows rarely lets users make links")
@pytest.mark.parametrize("target", ["file", "folder", "absent"])
def test_a_link_is_replaced_where_it_must_not_be_followed(tmp_path: Path, target: str):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / target)
    with atomic(tmp_path / "link", follow=False) as temporary:
        temporary.write_text("new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "new"
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file", "folder", "link"]
