"""Data sets -> duplicates.csv, the images that they contain twice. Needs no training and no extra."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.data.duplicates import find_duplicates
from inkdigit.utils.files import atomic
from inkdigit.utils.printable import table_cell

DUPLICATES_HEADER = ("kind", "file", "row", "label", "other_file", "other_row", "other_label")
EXACT, NEAR = "exact", "near"  # in the column "kind"


class DuplicatePair(NamedTuple):
    """Two rows with the same, or nearly the same, image.

    Attributes:
        kind: "exact" or "near".
        sets: Index of each row's set.
        rows: Number of each row in its set, from 0.
    """

    kind: str
    sets: tuple[int, int]
    rows: tuple[int, int]


def find_duplicate_pairs(sets: Sequence[Dataset]) -> list[DuplicatePair]:
    """All pairs of rows, within one set or in two, that show the same image or nearly the same."""
    found = find_duplicates(np.concatenate([digits.images for digits in sets]))
    starts = np.cumsum([0, *(len(digits) for digits in sets)])
    pairs: list[DuplicatePair] = []
    for kind, rows in ((EXACT, found.exact), (NEAR, found.near)):
        for one, other in rows:
            first, second = (int(np.searchsorted(starts, row, "right")) - 1 for row in (one, other))
            places = (int(one - starts[first]), int(other - starts[second]))
            pairs.append(DuplicatePair(kind, (first, second), places))
    return pairs


def write_duplicates(path: Path, sets: Sequence[Dataset], pairs: Sequence[DuplicatePair]) -> None:
    """Write a CSV file with one row for each pair.

    Raises:
        InkdigitError: The file cannot be written.
    """
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(DUPLICATES_HEADER)
        for pair in pairs:
            cells = [_cells(sets[number], row) for number, row in zip(pair.sets, pair.rows, strict=True)]
            writer.writerow([pair.kind, *cells[0], *cells[1]])


def summarize_duplicates(sets: Sequence[Dataset], pairs: Sequence[DuplicatePair]) -> list[str]:
    """One sentence for each kind of duplicate and each pair of sets."""
    counts = Counter((pair.kind, pair.sets) for pair in pairs)
    return [
        _sentence(kind, [sets[number].source for number in dict.fromkeys(numbers)], count)
        for (kind, numbers), count in counts.items()
    ] or ["No image is there twice."]


def _cells(digits: Dataset, row: int) -> list[str]:
    return [table_cell(digits.source), str(row), "" if digits.labels is None else str(digits.labels[row])]


def _sentence(kind: str, sources: Sequence[str], count: int) -> str:
    what = "the same image" if kind == EXACT else "nearly the same image"
    where = f"within {sources[0]}" if len(sources) == 1 else f"in {sources[0]} and in {sources[1]}"
    return f"{count:,} {'pair of rows shows' if count == 1 else 'pairs of rows show'} {what} {where}."
