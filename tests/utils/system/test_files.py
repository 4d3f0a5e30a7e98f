"""A file is whole or as it was before."""

import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic, cache_dir, reading


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


def test_a_kill_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "figures.json"
    path.write_text("old")
    code = (
        "import os, pathlib, signal, sys; from inkdigit.utils.files import atomic\n"
        "with atomic(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGTERM)"
    )
    killed = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert killed.returncode == -signal.SIGTERM
    assert path.read_text() == "old"


def test_a_folder_appears_whole_too(tmp_path: Path):
    with atomic(tmp_path / "run") as temporary:
        temporary.mkdir()
        (temporary / "manifest.json").write_text("{}")
    assert (tmp_path / "run" / "manifest.json").read_text() == "{}"

    with pytest.raises(ZeroDivisionError):
        fail_after_half_a_folder(tmp_path / "other")
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("path", ["file/below.csv", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, path: str):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with (
        pytest.raises(InkdigitError, match=f"{path} could not be written"),
        atomic(tmp_path / path) as temporary,
    ):
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
def test_a_file_never_takes_a_pipes_place(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InkdigitError, match="pipe is a device or a pipe"), atomic(tmp_path / "pipe") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_name_that_is_too_long_is_told(tmp_path: Path):
    with pytest.raises(InkdigitError, match="xxx could not be written"), atomic(tmp_path / ("x" * 300)) as temporary:
        temporary.write_text("whole")


@pytest.mark.parametrize("path", ["", "/"])
def test_a_path_without_a_name_is_told(path: str):
    with pytest.raises(InkdigitError, match="could not be written"), atomic(Path(path)) as temporary:
        temporary.write_text("whole")


def test_the_cache_goes_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("INKDIGIT_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("INKDIGIT_CACHE")
    assert cache_dir().name.lower() == "inkdigit" or cache_dir().parent.name.lower() == "inkdigit"


def write_and_complain(path: Path) -> None:
    path.write_text("new")
    raise InkdigitError("line 2: half a row")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path):
    path = tmp_path / "digits.csv"
    path.write_text("old")
    with pytest.raises(InkdigitError, match=r"digits.csv changed while it was read"), reading(path):
        path.write_text("newer")
    with pytest.raises(InkdigitError, match=r"digits.csv changed while it was read"), reading(path):
        write_and_complain(path)
    with pytest.raises(InkdigitError, match="changed while it was read"), reading(tmp_path):
        (tmp_path / "another.csv").touch()


FAULTS: dict[str, tuple[Exception, str]] = {
    "not there": (FileNotFoundError(2, "No such file"), "digits.csv does not exist"),
    "not allowed": (PermissionError(13, "Permission denied"), r"could not be read \(Permission denied\)"),
    "damaged": (zlib.error("incorrect\n data check"), r"is damaged \(incorrect data check\)"),
    "too large": (MemoryError(), "does not fit into memory"),
    "a sentence already": (InkdigitError("line 2: half a row"), "^line 2: half a row$"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_goes_wrong_with_reading_is_one_sentence(tmp_path: Path, case: str):
    fault, sentence = FAULTS[case]
    path = tmp_path / "digits.csv"
    path.touch()
    with pytest.raises(InkdigitError, match=sentence), reading(path):
        raise fault
