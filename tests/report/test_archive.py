from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.export.tta import SHIFTS
from inkdigit.report import archive
from inkdigit.runs.predictions import PREDICTIONS_FILE
from inkdigit.runs.run import read_run, write_manifest
from tests.errors import refused
from tests.report.runs import keep, make_report, make_scored


def rewrite_manifest(folder: Path, **changes: Any) -> None:
    """Change a manifest, and the checksums of files that were changed."""
    manifest = read_run(folder).manifest | changes
    write_manifest(folder, list(manifest.pop("files")), manifest)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = replace(make_report(), views=5, networks=2)
    again = archive.read(keep(tmp_path, report))
    np.testing.assert_equal(asdict(again), asdict(report))
    assert again.layers[0].shape == (28, 28)
    assert again.multiply_adds == report.multiply_adds


def test_a_report_without_scored_rows_is_read(tmp_path: Path) -> None:
    assert archive.read(keep(tmp_path, replace(make_report(), scored=None))).scored is None


@pytest.mark.parametrize(("settings", "views"), [({}, 1), ({"tta": False}, 1), ({"tta": True}, len(SHIFTS))])
def test_an_older_archive_has_the_views_of_the_manifests_settings(
    settings: dict[str, bool], views: int, tmp_path: Path
) -> None:
    folder = keep(tmp_path, make_report())
    with np.load(folder / archive.ARCHIVE) as arrays:
        kept = dict(arrays)
    facts = json.loads(kept["facts"].tobytes())
    del facts["views"]
    kept["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez_compressed(folder / archive.ARCHIVE, **kept)
    rewrite_manifest(folder, settings=settings)
    assert archive.read(folder).views == views


def test_28_000_scored_rows_take_less_than_two_megabytes(tmp_path: Path) -> None:
    folder = keep(tmp_path, replace(make_report(), scored=make_scored(100, rows=28_000)))
    assert sum((folder / name).stat().st_size for name in (archive.ARCHIVE, PREDICTIONS_FILE)) < 2_000_000


@pytest.mark.parametrize("content", [b"", b"no archive", "of another version", "pickled"])
def test_an_archive_of_another_kind_is_refused(content: bytes | str, tmp_path: Path) -> None:
    folder = keep(tmp_path, make_report())
    path = folder / archive.ARCHIVE
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "pickled":
        np.savez_compressed(path, facts=np.array([print], object), allow_pickle=True)
    else:
        np.savez_compressed(path, facts=np.frombuffer(b"{}", np.uint8))
    rewrite_manifest(folder)
    with refused("run-file-incompatible", path):
        archive.read(folder)


def test_a_folder_without_an_archive_is_refused(tmp_path: Path) -> None:
    folder = keep(tmp_path, make_report())
    write_manifest(folder, [PREDICTIONS_FILE], {"settings": {}})
    with refused("run-file-unnamed", folder, archive.ARCHIVE):
        archive.read(folder)
