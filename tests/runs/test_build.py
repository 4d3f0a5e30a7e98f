"""A run folder while it is built: what an interruption keeps, and who may not enter."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from inkdigit.errors import InkdigitError
from inkdigit.runs import build
from inkdigit.runs.build import (
    build_folder,
    has_checkpoints,
    is_occupied,
    lock_folder,
    partial_folder,
    read_job,
    remove_leftovers,
)
from inkdigit.runs.run import read_run, write_manifest
from tests.errors import refused

JOB: dict[str, Any] = {"identity": {"settings": {"epochs": 3}, "train_sha256": "abc"}}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


def leave_checkpoint(out: Path, job: dict[str, Any] = JOB) -> Path:
    """Build as far as the first checkpoint; give the folder."""
    with suppress(KeyboardInterrupt), build_folder(out, job) as folder:
        (folder / "checkpoints" / "training.npz").write_text("epoch 1")
        raise KeyboardInterrupt
    return partial_folder(out)


def finish(folder: Path) -> None:
    """Write a run without files."""
    write_manifest(folder, [], {})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def try_to_build(out: Path) -> str:
    """Try to build the same run; give the error's code. The lock knows no difference between processes."""
    try:
        with build_folder(out, JOB) as folder:
            (folder / "theirs").touch()
    except InkdigitError as error:
        return error.code
    return "built"


@pytest.mark.parametrize("existing", [False, True])
def test_the_folder_becomes_the_run_when_the_block_ends(out: Path, existing: bool) -> None:
    if existing:
        out.mkdir()
    with build_folder(out, JOB) as folder:
        assert json.loads((folder / "job.json").read_text()) == JOB
        (folder / "checkpoints" / "training.npz").touch()
        finish(folder)
        assert not is_occupied(out)
    assert names(out.parent) == ["run"]
    assert names(out) == ["manifest.json"]


def test_without_a_checkpoint_nothing_stays(out: Path) -> None:
    with suppress(KeyboardInterrupt), build_folder(out, JOB) as folder:
        (folder / "model.onnx").touch()
        raise KeyboardInterrupt
    assert names(out.parent) == []


def test_only_checkpoints_and_the_job_outlive_an_interruption(out: Path) -> None:
    folder = leave_checkpoint(out)
    assert has_checkpoints(folder)
    assert read_job(out) == JOB
    (folder / "model.onnx").write_text("half")
    with build_folder(out, JOB) as same:
        assert same == folder
        assert names(folder) == ["checkpoints", "job.json"]
        assert (folder / "checkpoints" / "training.npz").read_text() == "epoch 1"


def test_a_checkpoint_that_a_kill_cut_short_counts_for_nothing(out: Path) -> None:
    checkpoints = partial_folder(out) / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / ".training.npz.0123.tmp").touch()
    assert not has_checkpoints(partial_folder(out))
    with build_folder(out, JOB) as folder:
        finish(folder)
    assert names(out) == ["manifest.json"]


def test_checkpoints_of_another_job_are_refused_and_kept(out: Path) -> None:
    folder = leave_checkpoint(out)
    other = {"identity": {**JOB["identity"], "train_sha256": "def"}}
    with refused("job-differs", out, "train", folder), build_folder(out, other):
        raise AssertionError
    assert has_checkpoints(folder)
    assert read_job(out) == JOB


def test_an_older_versions_job_is_completed_before_it_is_compared(out: Path) -> None:
    leave_checkpoint(out)
    newer = {"identity": {**JOB["identity"], "member": 0}}
    with refused("job-differs", "member"), build_folder(out, newer):
        raise AssertionError
    with build_folder(out, newer, lambda identity: {"member": 0, **identity}) as folder:
        finish(folder)


def test_an_error_inside_keeps_the_checkpoints(out: Path) -> None:
    with suppress(ZeroDivisionError), build_folder(out, JOB) as folder:
        (folder / "checkpoints" / "training.npz").touch()
        raise ZeroDivisionError
    assert has_checkpoints(partial_folder(out))


def test_a_run_is_built_beside_the_folder_that_a_link_leads_to(out: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    out.symlink_to(tmp_path / "disk" / "mine")
    with build_folder(out, JOB) as folder:
        assert folder.parent == tmp_path / "disk"
        finish(folder)
    assert out.is_symlink()
    assert read_run(out).folder == out
    assert names(tmp_path / "disk") == ["mine"]


def test_a_second_build_is_refused_until_the_run_is_in_its_place(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while the folder is renamed, and after that, while the checkpoints are removed."""
    codes: list[str] = []
    rename, remove = Path.rename, build.remove_build_files

    def watched_rename(self: Path, target: Path) -> Path:
        codes.append(try_to_build(out))
        renamed = rename(self, target)
        codes.append(try_to_build(out))
        return renamed

    def watched_remove(folder: Path) -> None:
        codes.append(try_to_build(out))
        remove(folder)

    with build_folder(out, JOB) as folder:
        codes.append(try_to_build(out))
        (folder / "model.onnx").write_text("all of it")
        write_manifest(folder, ["model.onnx"], {})
        monkeypatch.setattr(Path, "rename", watched_rename)
        monkeypatch.setattr(build, "remove_build_files", watched_remove)
    monkeypatch.undo()
    assert codes == ["run-locked"] * 4
    assert names(out) == ["manifest.json", "model.onnx"]
    assert try_to_build(out) == "run-folder-occupied"
    assert names(out) == ["manifest.json", "model.onnx"]
    assert names(out.parent) == ["run"]


def test_the_lock_lies_beside_the_folder_so_that_a_rename_leaves_it(out: Path) -> None:
    with build_folder(out, JOB) as folder:
        (lock,) = [path for path in out.parent.iterdir() if path != folder]
        assert lock.is_file()
        with refused("run-locked", out), build_folder(out, JOB):
            raise AssertionError
        finish(folder)
    assert names(out.parent) == ["run"]


def test_a_lock_file_without_a_process_locks_nothing(tmp_path: Path) -> None:
    """A kill leaves the file behind, and the system frees its lock."""
    folder = tmp_path / ".run.partial"
    with lock_folder(folder, tmp_path / "run"):
        (lock,) = tmp_path.iterdir()
    lock.touch()
    with lock_folder(folder, tmp_path / "run"):
        assert lock.exists()
    held = FileLock(lock)
    with held, refused("run-locked", tmp_path / "run"), lock_folder(folder, tmp_path / "run"):
        raise AssertionError


def test_a_finished_run_is_not_touched(out: Path) -> None:
    out.mkdir()
    finish(out)
    before = (out / "manifest.json").read_bytes()
    with refused("run-folder-occupied", out), build_folder(out, JOB):
        raise AssertionError
    assert (out / "manifest.json").read_bytes() == before
    assert names(out.parent) == ["run"]


def test_leftovers_are_not_removed_while_another_process_finishes_the_run(out: Path) -> None:
    (out / "checkpoints").mkdir(parents=True)
    finish(out)
    with lock_folder(partial_folder(out), out), refused("run-locked", out):
        remove_leftovers(out)
    assert (out / "checkpoints").is_dir()
    remove_leftovers(out)
    assert names(out) == ["manifest.json"]
    assert names(out.parent) == ["run"]


def test_places_where_no_run_can_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with refused("run-folder-is-file", tmp_path / "file"), build_folder(tmp_path / "file", JOB):
        raise AssertionError
    with (
        refused("run-folder-unwritable", tmp_path / "file" / "run"),
        build_folder(tmp_path / "file" / "run", JOB),
    ):
        raise AssertionError
    monkeypatch.chdir(tmp_path)
    with refused("run-folder-in-use"), build_folder(Path(), JOB):
        raise AssertionError
    assert names(tmp_path) == ["file"]


def test_no_job_is_read_where_nothing_is_unfinished(out: Path) -> None:
    with refused("run-not-started", out):
        read_job(out)
    (out.parent / "file").touch()
    with refused("run-not-started"):
        read_job(out.parent / "file" / "run")
    out.mkdir()
    finish(out)
    with refused("run-finished", out):
        read_job(out)


@pytest.mark.parametrize(
    "content", ["{", "[]", "null", "5", "{}", '{"identity": null}', '{"identity": {}}', '{"identity": {"settings": 5}}']
)
def test_a_damaged_job_file_is_refused(out: Path, content: str) -> None:
    file = leave_checkpoint(out) / "job.json"
    file.write_text(content)
    with refused("job-damaged", out, file):
        read_job(out)
    with refused("job-damaged", out, file), build_folder(out, JOB):
        raise AssertionError
    file.write_bytes(b"\xff\xfe")
    with refused("job-damaged", out, file):
        read_job(out)
