"""Images that are there twice, planted and found."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from inkdigit.audit.duplicates import DuplicatePair, find_duplicate_pairs, summarize_duplicates, write_duplicates
from inkdigit.data.dataset import Dataset
from tests.conftest import part
from tests.errors import refused


@pytest.fixture
def sets(real_digits: Dataset) -> list[Dataset]:
    """Labelled rows, of which row 9 repeats row 3; and others, whose row 1 is row 5 and whose row 2 is nearly row 6."""
    images = real_digits.images[:10].copy()
    images[9] = images[3]
    others = real_digits.images[100:110].copy()
    others[1], others[2] = images[5], np.roll(images[6], 1, axis=0)
    return [Dataset(images, np.arange(10), "train.csv"), Dataset(others, None, "test.csv")]


def test_pairs_are_found_within_a_set_and_between_sets(sets: list[Dataset]) -> None:
    assert find_duplicate_pairs(sets) == [
        DuplicatePair("exact", (0, 0), (3, 9)),
        DuplicatePair("exact", (0, 1), (5, 1)),
        DuplicatePair("near", (0, 1), (6, 2)),
    ]


def test_the_file_names_sets_rows_and_labels(sets: list[Dataset], tmp_path: Path) -> None:
    write_duplicates(tmp_path / "duplicates.csv", sets, find_duplicate_pairs(sets))
    rows = list(csv.reader((tmp_path / "duplicates.csv").open()))
    assert rows == [
        ["kind", "file", "row", "label", "other_file", "other_row", "other_label"],
        ["exact", "train.csv", "3", "3", "train.csv", "9", "9"],
        ["exact", "train.csv", "5", "5", "test.csv", "1", ""],
        ["near", "train.csv", "6", "6", "test.csv", "2", ""],
    ]


def test_the_summary_counts_each_kind_for_each_pair_of_sets(sets: list[Dataset]) -> None:
    sentences = summarize_duplicates(sets, find_duplicate_pairs(sets))
    assert len(sentences) == 3
    assert sentences[0].startswith("1 ")
    assert "train.csv" in sentences[0]
    assert "test.csv" not in sentences[0]
    assert "test.csv" in sentences[1]


def test_sets_without_duplicates(real_digits: Dataset) -> None:
    sets = [part(real_digits, slice(20)), part(real_digits, slice(20, 40))]
    assert find_duplicate_pairs(sets) == []
    assert len(summarize_duplicates(sets, [])) == 1


def test_a_file_that_cannot_be_written_is_refused(sets: list[Dataset], tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with refused("file-unwritable", "a file"):
        write_duplicates(tmp_path / "a file" / "duplicates.csv", sets, [])
