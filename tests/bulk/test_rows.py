"""Rows of pixels are read in any order of parts, and a bad row costs no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from inkdigit.bulk.rows import RowReader
from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.bulk.conftest import ELSEWHERE, find, lists
from tests.conftest import part
from tests.data import formats


@pytest.mark.parametrize("write", [lists, formats.parquet, formats.csv, formats.csv_gz, formats.idx_gz])
@pytest.mark.parametrize("order", ["as they come", "backwards", "every other"])
def test_parts_of_a_large_file_are_read_in_any_order(
    write: formats.Writer, order: str, real_digits: Dataset, tmp_path: Path, part_rows: int
):
    many = part(real_digits, slice(2 * part_rows + 99))
    found = find(write(tmp_path, many))
    assert len(found.parts) >= 3
    parts = {"backwards": found.parts[::-1], "every other": found.parts[::2]}.get(order, found.parts)
    rows = RowReader(found.folder)
    for piece in parts:
        blocks = list(rows.read(piece))
        numbers = np.concatenate([block.rows for block in blocks])
        np.testing.assert_array_equal(numbers, np.arange(piece.first, piece.first + piece.rows))
        np.testing.assert_array_equal(np.concatenate([block.images for block in blocks]), many.images[numbers - 1])
    rows.close()


def test_a_row_group_of_any_size_is_cut_into_parts(real_digits: Dataset, tmp_path: Path, part_rows: int):
    many = real_digits.images[: 2 * part_rows + 98]
    images = pa.FixedSizeListArray.from_arrays(pa.array(many.reshape(-1)), 784)
    parquet.write_table(pa.table({"image": images}), tmp_path / "one.parquet", row_group_size=len(many))
    found = find(tmp_path / "one.parquet")
    assert [piece.rows for piece in found.parts] == [118, 118, 118]
    rows = RowReader(found.folder)
    read = np.concatenate([block.images for piece in found.parts for block in rows.read(piece)])
    np.testing.assert_array_equal(read, many)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_line_of_a_csv_with_any_content_has_its_row(data: st.DataObject, few: Dataset):
    lines = b"".join(kaggle_csv.csv_text(part(few, slice(12)))).splitlines()
    bad = data.draw(st.dictionaries(st.integers(1, 12), st.binary(max_size=40).filter(_no_row)))
    for number, content in bad.items():
        lines[number] = content
    system = ELSEWHERE.system
    system.pipe_file("/rows/some.csv", b"\n".join(lines))
    found = find("memory://rows/some.csv")
    rows = {
        int(row): block.errors.get(at) or block.images[at]
        for piece in found.parts
        for block in RowReader(found.folder).read(piece)
        for at, row in enumerate(block.rows)
    }
    assert rows.keys() == {row for row in range(1, 13) if lines[row].strip()}
    for row, outcome in rows.items():
        if row in bad:
            assert str(outcome).startswith(f"some.csv, line {row + 1}")
        else:
            np.testing.assert_array_equal(outcome, few.images[row - 1])


def _no_row(line: bytes) -> bool:
    return b"\n" not in line and line.count(b",") != 784


@pytest.mark.parametrize("bad", [[None] * 784, [256] * 784, [0] * 783, None], ids=["blank", "large", "short", "none"])
def test_a_bad_row_of_a_parquet_file_costs_no_other(bad: Any, few: Dataset, tmp_path: Path):
    images: list[Any] = few.images.reshape(-1, 784).tolist()
    images[41] = images[299] = bad
    parquet.write_table(pa.table({"image": pa.array(images)}), tmp_path / "rows.parquet")
    found = find(tmp_path / "rows.parquet")
    (block,) = RowReader(found.folder).read(found.parts[0])
    assert block.errors.keys() == {41, 299}
    assert re.search(r"(row|image) 42\b", block.errors[41])
    others = ~np.isin(np.arange(300), [41, 299])
    np.testing.assert_array_equal(block.images[others], few.images[others])
