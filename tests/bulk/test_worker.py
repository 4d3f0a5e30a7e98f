"""Parts in any folder of any file system: done once, counted, and refused where their files never were."""

from __future__ import annotations

import gzip
import io
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
from pyarrow import parquet

from inkdigit.bulk import collection
from inkdigit.bulk.destination import Attempts, Destination
from inkdigit.bulk.engine import BulkJob
from inkdigit.bulk.location import Location
from inkdigit.bulk.predictions import Options
from inkdigit.bulk.worker import Worker
from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.bulk.conftest import ELSEWHERE, find, lists
from tests.errors import refused


def test_source_and_predictions_may_lie_on_any_file_system(few: Dataset, model: bytes, tmp_path: Path):
    system = ELSEWHERE.system
    stream = io.BytesIO()
    parquet.write_table(parquet.read_table(lists(tmp_path, few)), stream)
    system.pipe_file("/digits/a.parquet", stream.getvalue())
    system.pipe_file("/digits/b.csv.gz", gzip.compress(b"".join(kaggle_csv.csv_text(few))))
    destination = Destination.at("memory://digits/out")
    found = collection.find("memory://digits", destination.folder)
    with destination.claimed({"identity": {"source": found.fingerprint}}, model):
        worker = Worker(BulkJob(found.folder, destination, Options("rows", probabilities=False)))
        parts = random.Random(0).sample(found.parts, len(found.parts))
        assert sum(worker.process(part).rows for part in parts) == 600
        assert worker.process(parts[0]).rows == parts[0].rows  # it is there, and is not done again
    assert destination.finished() == {part.number for part in found.parts}
    assert collection.find("memory://digits", destination.folder) == found
    with system.open("/digits/out/part-00000000.parquet", "rb") as stream:
        assert parquet.read_table(stream)["digit"].null_count == 0


def test_folders_that_are_objects_are_left_out(few: Dataset, model: bytes, tmp_path: Path):
    """S3's console makes them so."""
    system = ELSEWHERE.system
    system.pipe_file("/console/in/digits.parquet", lists(tmp_path, few).read_bytes())
    for name in ("/console/in/", "/console/in/empty/", "/console/out/"):
        system.store[name] = MemoryFile(system, name, b"")
    destination = Destination.at("memory://console/out")
    found = collection.find("memory://console/in", destination.folder)
    assert [piece.files for piece in found.parts] == [("digits.parquet",)]
    with destination.claimed({"identity": {}}, model):
        assert destination.finished() == set()


class _Undeletable(MemoryFileSystem):
    def rm(self, path: Any, *_: Any, **__: Any) -> None:
        raise PermissionError(path)


def test_where_nothing_may_be_deleted_each_job_counts_attempts_from_0(few: Dataset, model: bytes, tmp_path: Path):
    destination = Destination(Location(_Undeletable(), "/undeletable"))
    found = find(lists(tmp_path, few))
    with destination.claimed({"identity": {}}, model):
        destination.note(0, Attempts(2))
    with destination.claimed({"identity": {}}, model):
        assert destination.attempts(0) == Attempts()
        Worker(BulkJob(found.folder, destination, Options("rows", probabilities=False))).process(found.parts[0])
    assert destination.count(0) == (300, 0)


@pytest.mark.parametrize("host", ["this one", "another"])
def test_a_part_is_refused_where_its_files_never_were(host: str, few: Dataset, model: bytes, tmp_path: Path):
    """The machine that has listed the files knows that one of them went away."""
    (tmp_path / "digits").mkdir()
    found = find(lists(tmp_path / "digits", few))
    destination = Destination.at(str(tmp_path / "out"))
    work = BulkJob(found.folder, destination, Options("rows", probabilities=False))
    with destination.claimed({"identity": {}}, model):
        (tmp_path / "digits" / "digits.parquet").unlink()
        if host == "this one":
            assert Worker(work).process(found.parts[0]).errors == 300
            return
        with refused("not-on-this-node", tmp_path / "digits" / "digits.parquet"):
            Worker(replace(work, host="another")).process(found.parts[0])
    assert destination.finished() == set()
