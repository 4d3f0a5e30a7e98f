"""A whole job, without processes of its own: what it goes on with, and what it refuses before it begins."""

from __future__ import annotations

import gzip
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from inkdigit.bulk.command import run
from inkdigit.data.csv_layout import PIXELS
from inkdigit.data.dataset import Dataset
from inkdigit.utils.limits import Limits
from tests.bulk.conftest import files_of, in_this_process, predictions, versions
from tests.errors import refused

Bulk = Callable[..., None]


@pytest.fixture
def bulk(linear_run: Path) -> Bulk:
    """Runs a job here, with a fast model."""

    def bulk(source: Path, out: Path, **options: Any) -> None:
        asked: dict[str, Any] = {"layout": None, "probabilities": False, "model": linear_run, "workers": None}
        run(str(source), str(out), limits=Limits(), engine=in_this_process, **asked | options)

    return bulk


@pytest.fixture
def source(real_digits: Dataset, tmp_path: Path) -> Path:
    return files_of(real_digits, tmp_path / "source", 3, 50)


@pytest.mark.parametrize("change", ["source", "model", "options"])
def test_a_finished_job_is_not_done_again_and_another_one_is_refused_in_its_folder(
    bulk: Bulk, source: Path, tmp_path: Path, change: str, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    bulk(source, out)
    before = versions(out)
    capsys.readouterr()
    bulk(source, out)
    assert capsys.readouterr().out == f"150 of 150 rows were done before.\nPredictions: {out}\n"
    if change == "source":
        next(source.glob("01/*")).unlink()
    options: dict[str, Any] = {"options": {"probabilities": True}, "model": {"model": None}, "source": {}}[change]
    with refused("out-of-another-job", out, change):
        bulk(source, out, **options)
    assert versions(out) == before


def test_a_job_of_another_version_is_refused(bulk: Bulk, source: Path, tmp_path: Path):
    bulk(source, tmp_path / "out")
    file = tmp_path / "out" / "_job.json"
    job = json.loads(file.read_text())
    job["identity"] |= {"format": 1}
    file.write_text(json.dumps(job))
    with refused("out-of-another-job", tmp_path / "out", "format"):
        bulk(source, tmp_path / "out")
    file.write_text("{")
    with refused("file-damaged", file):
        bulk(source, tmp_path / "out")


def test_a_folder_with_other_files_is_refused(bulk: Bulk, source: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".job.tmp").touch()  # as a kill leaves it
    bulk(source, out)
    (out / "part-mine.parquet").touch()
    bulk(source, out)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("Dear all")
    with refused("out-occupied", tmp_path / "letters"):
        bulk(source, tmp_path / "letters")


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("case", ["scaled", "inverted"])
def test_a_source_that_would_be_wrong_in_every_row_is_refused(
    bulk: Bulk, few: Dataset, tmp_path: Path, case: str, files: int
):
    images = few.images[:50].reshape(-1, 784)
    pixels = list(images / 255) if case == "scaled" else [None, *(255 - images)]
    for number in range(files):
        parquet.write_table(pa.table({"image": pa.array(pixels)}), tmp_path / f"{number}.parquet")
    source = tmp_path / "0.parquet" if files == 1 else tmp_path
    code, place = {"scaled": ("source-unreadable", "0.parquet"), "inverted": ("images-inverted", source)}[case]
    with refused(code, place):
        bulk(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", ["a block", "files", "parts"])
def test_bad_rows_keep_no_row_after_them_from_being_predicted(bulk: Bulk, few: Dataset, tmp_path: Path, case: str):
    source = tmp_path / "source"
    source.mkdir()
    bad = {"a block": 4096, "files": 20, "parts": 20_000}[case]
    images: list[Any] = list(few.images[:50].reshape(-1, 784))
    if case == "files":
        for number in range(bad):
            parquet.write_table(pa.table({"image": pa.array([[1]])}), source / f"{number:02d}.parquet")
    elif case == "parts":
        header = struct.pack(">IIII", 2051, bad, 28, 28)
        (source / "cut.gz").write_bytes(gzip.compress(header + random.Random(0).randbytes(30_000))[:-10_000])
    images = bad * [None] + images if case == "a block" else images
    parquet.write_table(pa.table({"image": pa.array(images)}), source / "digits.parquet")
    bulk(source, tmp_path / "out")
    errors = predictions(tmp_path / "out")["error"]
    assert (len(errors), errors.null_count) == (bad + 50, 50)


def test_a_file_without_rows_keeps_no_other_from_being_read(bulk: Bulk, few: Dataset, tmp_path: Path):
    header = ",".join(PIXELS)
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.csv").write_text(f"{header}\n\n")
    with refused("source-empty", source):
        bulk(source, tmp_path / "out")
    (source / "b.csv").write_text(f"{header}\n" + ",".join(map(str, few.images[0].ravel())) + "\n")
    bulk(source, tmp_path / "out")
    assert predictions(tmp_path / "out")["file"].to_pylist() == ["b.csv"]


def test_options_of_pictures_are_refused_for_rows(bulk: Bulk, source: Path, tmp_path: Path):
    with refused("option-conflict", "--line", source):
        bulk(source, tmp_path / "out", layout="line")
