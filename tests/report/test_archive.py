from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from inkdigit.errors import InkdigitError
from inkdigit.report import archive
from inkdigit.runs.run import write_manifest
from tests.report.test_data import make_report, make_scored


def test_a_report_comes_back_as_it_was(tmp_path: Path):
    report = make_report()
    archive.write(report, tmp_path)
    write_manifest(tmp_path, [archive.ARCHIVE], {})
    again = archive.read(tmp_path)
    np.testing.assert_equal(asdict(again), asdict(report))
    assert again.scored is not None
    assert again.layers[0].shape == (28, 28)
    assert again.parameters == report.parameters


def test_a_report_without_scored_rows_comes_back(tmp_path: Path):
    archive.write(replace(make_report(), scored=None), tmp_path)
    write_manifest(tmp_path, [archive.ARCHIVE], {})
    assert archive.read(tmp_path).scored is None


def test_twenty_eight_thousand_scored_rows_fit_into_two_megabytes(tmp_path: Path):
    archive.write(replace(make_report(), scored=make_scored(100, rows=28_000)), tmp_path)
    assert (tmp_path / archive.ARCHIVE).stat().st_size < 2_000_000


@pytest.mark.parametrize("content", [b"", b"no archive", "of another version"])
def test_what_cannot_be_read_is_told(content: bytes | str, tmp_path: Path):
    path = tmp_path / archive.ARCHIVE
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez_compressed(path, facts=np.frombuffer(b"{}", np.uint8))
    write_manifest(tmp_path, [archive.ARCHIVE], {})
    with pytest.raises(InkdigitError, match=r"report\.npz was written by another version"):
        archive.read(tmp_path)


def test_code_in_an_archive_is_not_run(tmp_path: Path):
    np.savez_compressed(tmp_path / archive.ARCHIVE, facts=np.array([print], object), allow_pickle=True)
    write_manifest(tmp_path, [archive.ARCHIVE], {})
    with pytest.raises(InkdigitError, match="another version"):
        archive.read(tmp_path)
