"""The lines of CSV files -> numbers: a fast pass over whole blocks, and a careful one that names the fault."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.csv_layout import CsvLayout, split_cells
from inkdigit.errors import InkdigitError

_MAX_SHOWN = 20  # characters of a wrong cell that an error shows
_NUMBERS = {f"{value:0{width}d}": value for width in (1, 2, 3) for value in range(256)}


def parse_blocks(blocks: Iterable[bytes], layout: CsvLayout) -> NDArray[np.uint8] | None:
    """Parse blocks of whole lines, without the header.

    Returns:
        (rows, columns) uint8, the label first; None if anything is unusual, for which `parse_row` has more patience.
    """
    # glibc returns freed memory to the system after every block, and requests it again, until one large array has been
    # freed (measured: 245,000 page faults and three times the time for Kaggle's train.csv).
    np.empty(16 << 20, np.uint8)
    parts = [np.empty((0, layout.columns), np.uint8)]
    for block in blocks:
        rows = _parse_block(block, layout.columns)
        if rows is None and (rows := _parse_block(_in_kaggles_form(block, layout), layout.columns)) is None:
            return None
        parts.append(rows)
    rows = np.concatenate(parts)
    return np.roll(rows, 1, axis=1) if layout.label == "last" else rows


def _in_kaggles_form(block: bytes, layout: CsvLayout) -> bytes:
    """Whole lines with commas between cells and none at the end, and 7 for 7.0. Other differences stay."""
    lines = block.replace(layout.separator.encode(), b",").split(b"\n")
    return re.sub(rb"\.0*(?=[,\n]|$)", b"", b"\n".join(line.rstrip(b",\r") for line in lines))


def _parse_block(block: bytes, columns: int) -> NDArray[np.uint8] | None:
    """Parse whole lines of `columns` numbers 0–255 into (rows, columns), or None if anything is unusual.

    All bytes at once, which is several times as fast as a general CSV reader: every byte that is not a digit
    ends a number, and the number's value follows from the three bytes before it.
    """
    if not (body := block.replace(b"\r\n", b"\n").rstrip(b"\n")):
        return np.empty((0, columns), np.uint8)
    text = np.frombuffer(b"\n\n\n" + body + b"\n", np.uint8)
    digit = text - np.uint8(ord("0"))
    is_digit = digit < 10
    digit *= is_digit
    hundreds = digit[:-3] * (is_digit[1:-2] & is_digit[2:-1])
    value = digit[2:-1] + digit[1:-2] * np.uint8(10) + hundreds * np.uint8(100)

    ends = np.flatnonzero(~is_digit[3:])
    width = np.diff(ends, prepend=-1) - 1
    if len(ends) % columns or width.min() < 1 or width.max() > 3:
        return None
    # Above 255 the sum of bytes wraps round to less than 56.
    if hundreds.max() > 2 or np.any((hundreds == 2) & (value < 200)):
        return None
    separators = text[3:].take(ends).reshape(-1, columns)
    if np.any(separators[:, :-1] != ord(",")) or np.any(separators[:, -1] != ord("\n")):
        return None
    return value.take(ends).reshape(-1, columns)


def parse_row(path: Path | str, number: int, layout: CsvLayout, line: bytes) -> bytes:
    """Parse one line, ten times as slowly as `parse_blocks`; cells may be quoted.

    Args:
        path: the file, for errors.
        number: the line's number, for errors; the first line is 1.
        layout: how its columns stand.
        line: the line.

    Returns:
        One byte for each column, the label first.

    Raises:
        InkdigitError: a cell is not what its column needs; the sentence names line and column.
    """
    names = layout.names
    cells = split_cells(path, number, line, layout.separator)
    if len(cells) < len(names):
        problem = f"the row ends before it, with {len(cells)} values for {len(names)} columns"
        raise InkdigitError(f"{path}, line {number}, column {names[len(cells)]}: {problem}.", code="csv-row-short")
    if more := [cell for cell in cells[len(names) :] if cell.strip()]:
        _refuse_more(path, number, layout, len(cells), more[0])
    label = {"first": names[0], "last": names[-1]}.get(layout.label or "")
    values = [
        _cell_value(path, number, name, cell, is_label=name == label) for name, cell in zip(names, cells, strict=False)
    ]
    return bytes(values if layout.label != "last" else [values[-1], *values[:-1]])


def _refuse_more(path: Path | str, number: int, layout: CsvLayout, cells: int, cell: str) -> NoReturn:
    place = f"{path}, line {number}"
    if cells <= layout.columns + layout.unnamed:
        problem = f"a column without a name has {cell[:_MAX_SHOWN]!r}: remove it"
        raise InkdigitError(f"{place}: {problem}.", code="csv-column-unexpected")
    problem = f"{cells} values for {layout.columns} columns: the row continues after column {layout.names[-1]}"
    raise InkdigitError(f"{place}: {problem}.", code="csv-row-long")


def _cell_value(path: Path | str, number: int, name: str, cell: str, *, is_label: bool) -> int:
    largest = 9 if is_label else 255
    value = _NUMBERS.get(cell if "." not in cell else re.sub(r"\.0*$", "", cell), 256)
    if value > largest:
        problem = f"{cell[:_MAX_SHOWN]!r} is not a whole number from 0 to {largest}" if cell else "the cell is blank"
        code = "label-invalid" if is_label else "pixel-invalid"
        raise InkdigitError(f"{path}, line {number}, column {name}: {problem}.", code=code)
    return value
