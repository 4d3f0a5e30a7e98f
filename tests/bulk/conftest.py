"""A model that takes no time, real digits in files, and an engine without processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from inkdigit.bulk import collection, parts, rows
from inkdigit.bulk.collection import Collection
from inkdigit.bulk.engine import BulkJob, PartResult
from inkdigit.bulk.location import locate
from inkdigit.bulk.parts import Part
from inkdigit.bulk.worker import Worker
from inkdigit.data.dataset import Dataset
from tests.conftest import part
from tests.data.formats import parquet as write_parquet
from tests.handmade import make_run

ELSEWHERE = locate("memory://predictions")  # a destination that no source is in


@pytest.fixture(scope="session")
def linear_run(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model takes no time. Read it, never change it."""
    return make_run(tmp_path_factory.mktemp("linear") / "run", part(real_digits, slice(4000)), real_digits)


@pytest.fixture(scope="session")
def model(linear_run: Path) -> bytes:
    """That run's ONNX file."""
    return (linear_run / "model.onnx").read_bytes()


@pytest.fixture(scope="session")
def few(real_digits: Dataset) -> Dataset:
    """300 digits."""
    return part(real_digits, slice(300))


@pytest.fixture
def part_rows(monkeypatch: pytest.MonkeyPatch) -> int:
    """The number of rows of a part, made small, as are blocks, so that small files have several of each."""
    monkeypatch.setattr(parts, "PART_ROWS", 128)
    monkeypatch.setattr(rows, "BLOCK_ROWS", 40)
    monkeypatch.setattr(rows, "_TEXT_BYTES", 1 << 15)
    return 128


def in_this_process(job: BulkJob, all_parts: Sequence[Part], workers: int | None) -> Iterator[PartResult]:
    """An engine that works on the parts here, one after the other."""
    return map(Worker(job).process, all_parts)


def predictions(folder: Path) -> Any:
    """What a job wrote, in the order of its parts: a pyarrow table."""
    return parquet.read_table(folder)


def files_of(digits: Dataset, folder: Path, count: int, size: int) -> Path:
    """A folder of `count` Parquet files of `size` rows each."""
    for number in range(count):
        subfolder = folder / f"{number:02d}"
        subfolder.mkdir(parents=True)
        write_parquet(subfolder, part(digits, slice(number * size, (number + 1) * size)))
    return folder


def versions(folder: Path) -> dict[str, tuple[int, int]]:
    """Which files of predictions are there; one that is written again has another version."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("part-*.parquet")}


def find(source: object) -> Collection:
    """The collection at a path or URL."""
    return collection.find(str(source), ELSEWHERE)


def lists(folder: Path, digits: Dataset) -> Path:
    """A Parquet file of lists of pixels, in row groups of 70."""
    images = pa.FixedSizeListArray.from_arrays(pa.array(digits.images.reshape(-1)), 784)
    parquet.write_table(pa.table({"image": images}), folder / "digits.parquet", row_group_size=70)
    return folder / "digits.parquet"
