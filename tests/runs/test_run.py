"""A run folder and its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.runs.run import (
    file_checksum,
    read_arrays,
    read_distinct_runs,
    read_run,
    read_verified,
    run_summary,
    write_manifest,
    write_run_files,
)
from inkdigit.utils.files import write_json
from tests.disks import small_disk
from tests.errors import refused
from tests.handmade import name_in_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of two files."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "notes.txt").write_text("ink")
    np.savez(folder / "arrays.npz", digits=np.arange(10))
    write_manifest(folder, ["notes.txt", "arrays.npz"], {"settings": {"seed": 3}})
    return folder


def digits(arrays: Mapping[str, Any]) -> list[int]:
    return arrays["digits"].tolist()


def test_a_written_run_is_read_back(folder: Path) -> None:
    run = read_run(folder)
    assert run.folder == folder
    assert run.manifest["settings"] == {"seed": 3}
    checksum = hashlib.sha256(b"ink").hexdigest()
    assert run.manifest["files"]["notes.txt"] == {"sha256": checksum, "bytes": 3}
    assert file_checksum(folder, "notes.txt") == checksum
    assert read_verified(folder, "notes.txt") == b"ink"
    assert read_arrays(folder, "arrays.npz", digits) == list(range(10))


@pytest.mark.parametrize("content", ["", "{", "[]", "5", "{}", '{"format": 1}', '{"format": 1, "files": []}', "\x80"])
def test_a_damaged_manifest_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content, encoding="latin-1")
    with refused("manifest-damaged", folder / "manifest.json"):
        read_run(folder)


@pytest.mark.parametrize("part", ["settings", "figures"])
def test_a_manifest_whose_settings_or_figures_are_none_is_refused(folder: Path, part: str) -> None:
    write_json(folder / "manifest.json", {"format": 1, "files": {}, part: None})
    with refused("manifest-damaged", folder / "manifest.json"):
        read_run(folder)


def test_a_newer_versions_manifest_is_refused(folder: Path) -> None:
    write_json(folder / "manifest.json", {"format": 2, "files": {}})
    with refused("manifest-newer", folder / "manifest.json", 2):
        read_run(folder)


def test_what_is_no_run_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path, folder / "notes.txt"):
        with refused("run-not-found", path):
            read_run(path)
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()
    with refused("file-unreadable", folder / "manifest.json"):
        read_run(folder)


def test_a_changed_or_missing_file_is_refused(folder: Path) -> None:
    with refused("run-file-unnamed", folder, "model.onnx"):
        read_verified(folder, "model.onnx")
    (folder / "notes.txt").write_text("inc")
    with refused("checksum-differs", folder / "notes.txt"):
        read_verified(folder, "notes.txt")
    (folder / "notes.txt").unlink()
    with refused("file-unreadable", folder / "notes.txt"):
        read_verified(folder, "notes.txt")


@pytest.mark.parametrize("files", [{"notes.txt": None}, {"notes.txt": {}}, {"notes.txt": "abc"}])
def test_a_manifest_without_a_files_checksum_is_refused(folder: Path, files: object) -> None:
    write_json(folder / "manifest.json", {"format": 1, "files": files})
    with refused("run-file-unnamed", folder / "manifest.json", "notes.txt"):
        file_checksum(folder, "notes.txt")


@pytest.mark.parametrize("name", ["other", "text"])
def test_arrays_of_another_version_are_refused(folder: Path, name: str) -> None:
    if name == "other":
        np.savez(folder / "arrays.npz", others=np.arange(10))
    else:
        (folder / "arrays.npz").write_text("no arrays at all")
    name_in_manifest(folder, "arrays.npz")
    with refused("run-file-incompatible", folder / "arrays.npz"):
        read_arrays(folder, "arrays.npz", digits)


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError])
def test_arrays_that_cannot_be_converted_are_refused(folder: Path, error: type[Exception]) -> None:
    def convert(_: Mapping[str, Any]) -> None:
        raise error

    with refused("run-file-incompatible", folder / "arrays.npz"):
        read_arrays(folder, "arrays.npz", convert)


def test_pickled_objects_are_never_loaded(folder: Path) -> None:
    np.savez(folder / "arrays.npz", digits=np.array([{"a": 1}], object))
    name_in_manifest(folder, "arrays.npz")
    with refused("run-file-incompatible", folder / "arrays.npz"):
        read_arrays(folder, "arrays.npz", digits)


def test_files_are_added_to_a_manifest_and_outdated_ones_leave_it(folder: Path) -> None:
    write_run_files(folder, {"report.html": b"<p>"}, outdated=["notes.txt"])
    assert read_verified(folder, "report.html") == b"<p>"
    assert list(read_run(folder).manifest["files"]) == ["arrays.npz", "report.html"]
    assert not (folder / "notes.txt").exists()


def test_a_full_disk_damages_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "200k") as disk:
        (disk / "report.html").write_bytes(b"<p>")
        write_manifest(disk, ["report.html"], {})
        pictures = {f"{number}.png": bytes(90_000) for number in range(3)}
        with refused("file-unwritable", "2.png"):
            write_run_files(disk, {"report.html": b"<h1>", **pictures})
        assert sorted(path.name for path in disk.iterdir()) == ["manifest.json", "report.html"]
        assert read_verified(disk, "report.html") == b"<p>"


def test_the_same_model_twice_is_refused(tmp_path: Path) -> None:
    for name, model in (("one", "a"), ("copy", "a"), ("other", "b"), ("bare", None), ("bare2", None)):
        (tmp_path / name).mkdir()
        if model:
            (tmp_path / name / "model.onnx").write_text(model)
        write_manifest(tmp_path / name, ["model.onnx"] if model else [], {})
    names = ("one", "other", "bare", "bare2")
    assert [run.folder.name for run in read_distinct_runs([tmp_path / name for name in names])] == list(names)
    for second in ("one", "copy"):
        with refused("run-named-twice", tmp_path / "one", tmp_path / second):
            read_distinct_runs([tmp_path / "one", tmp_path / "other", tmp_path / second])


def test_the_summary_has_a_line_for_each_stage_by_its_title(folder: Path) -> None:
    stages = [
        {"name": "training", "seconds": 61.25, "title": "Training 1 of 2"},
        {"name": "report", "seconds": 2.0},  # as older versions wrote them
    ]
    (folder / "metrics.json").write_text(json.dumps({"stages": stages}))
    figures = {"scored": "50 validation rows", "accuracy": 0.98, "low": 0.9, "high": 0.99}
    run = write_manifest(folder, ["metrics.json"], {"figures": figures})
    lines = run_summary(run).splitlines()
    assert [line.split()[-2] for line in lines[:3]] == ["63.2", "61.2", "2.0"]
    assert lines[1].startswith("  Training 1 of 2  ")
    assert "50 validation rows: 98.00 %" in lines[3]
    assert "90.00–99.00" in lines[3]
    assert lines[4].endswith(str(folder / "report.html"))


def test_an_outdated_file_that_was_changed_since_stays(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    write_run_files(folder, {}, outdated=["notes.txt"])
    assert (folder / "notes.txt").read_text() == "mine"
    assert list(read_run(folder).manifest["files"]) == ["arrays.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
@pytest.mark.parametrize("name", ["manifest.json", "notes.txt"])
def test_a_pipe_in_place_of_a_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with refused("file-unreadable", folder / name):
        read_verified(folder, "notes.txt")


@pytest.mark.parametrize("name", ["../notes.txt", "/etc/hosts", "a/b", "a\\b", "C:x", "..", "", ".hidden", "a\0"])
def test_a_manifest_that_names_more_than_files_of_its_folder_is_refused(folder: Path, name: str) -> None:
    manifest = read_run(folder).manifest
    manifest["files"][name] = manifest["files"]["notes.txt"]
    write_json(folder / "manifest.json", manifest)
    with refused("manifest-damaged", folder / "manifest.json"):
        read_run(folder)
