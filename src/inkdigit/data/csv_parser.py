"""The lines of Kaggle's CSV files -> numbers: a fast pass over whole blocks, and a careful one that names the fault."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError

LABEL = "label"
PIXELS = [f"pixel{i}" for i in range(28 * 28)]

_MAX_SHOWN = 20  # characters of a wrong cell that an error shows
_NUMBERS = {f"{value:0{width}d}": value for width in (1, 2, 3) for value in range(256)}


def parse_header(path: Path | str, line: bytes) -> list[str]:
    """Read the column names in a header line, which must be Kaggle's.

    Args:
        path: the file, for errors.
        line: the file's first line.

    Returns:
        `label` and `pixel0` to `pixel783`, or the pixels alone.

    Raises:
        InkdigitError: the line is empty or names other columns; the sentence says which is wrong.
    """
    line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        raise InkdigitError(f"{path} is empty: it needs a header line and at least one image.", code="csv-empty")
    names = _split_cells(path, 1, line)
    unlabelled = names[0] in PIXELS and LABEL not in names
    expected = PIXELS if unlabelled else [LABEL, *PIXELS]
    if names == expected:
        return names
    if not set(names) & set(expected):
        begin = names[0][:_MAX_SHOWN]
        problem = f"this is not Kaggle's header (label,pixel0,…,pixel783); it begins with {begin!r}"
        raise InkdigitError(f"{path}, line 1: {problem}.", code="csv-header-unknown")
    raise _wrong_column(path, names, expected)


def _wrong_column(path: Path | str, names: Sequence[str], expected: Sequence[str]) -> InkdigitError:
    """The error for the first column that is not the expected one."""
    place, found, wanted = next(
        (place, found, wanted)
        for place, (found, wanted) in enumerate(zip_longest(names, expected, fillvalue=""), start=1)
        if found != wanted
    )
    shown, known = found[:_MAX_SHOWN], found in expected
    if wanted and wanted not in names:
        if known or place > len(names):
            problem, code = f"column {wanted} is missing", "csv-column-missing"
        else:
            problem, code = f"column {place} is named {shown!r} and should be {wanted}", "csv-column-misnamed"
    elif not known:
        problem, code = f"column {place}, {shown!r}, does not belong here: remove it", "csv-column-unexpected"
    elif found in names[: place - 1]:
        problem, code = f"column {found} appears twice", "csv-column-repeated"
    else:
        problem, code = f"column {place} is {found} and should be {wanted}", "csv-column-misplaced"
    return InkdigitError(f"{path}, line 1: {problem}.", code=code)


def parse_blocks(blocks: Iterable[bytes], columns: int) -> NDArray[np.uint8] | None:
    """Parse blocks of whole lines, without the header.

    Returns:
        (rows, columns) uint8; None if anything is unusual, for which `parse_row` has more patience.
    """
    # glibc returns freed memory to the system after every block, and requests it again, until one large array has been
    # freed (measured: 245,000 page faults and three times the time for Kaggle's train.csv).
    np.empty(16 << 20, np.uint8)
    parts = [np.empty((0, columns), np.uint8)]
    for block in blocks:
        rows = _parse_block(block, columns)
        if rows is None:
            return None
        parts.append(rows)
    return np.concatenate(parts)


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


def parse_row(path: Path | str, number: int, names: Sequence[str], line: bytes) -> bytes:
    """Parse one line, ten times as slowly as `parse_blocks`; cells may be quoted.

    Args:
        path: the file, for errors.
        number: the line's number, for errors; the header is line 1.
        names: the columns, as `parse_header` returns them.
        line: the line.

    Returns:
        One byte for each column.

    Raises:
        InkdigitError: a cell is not what its column needs; the sentence names line and column.
    """
    cells = _split_cells(path, number, line)
    if len(cells) < len(names):
        problem = f"the row ends before it, with {len(cells)} values for {len(names)} columns"
        raise InkdigitError(f"{path}, line {number}, column {names[len(cells)]}: {problem}.", code="csv-row-short")
    if len(cells) > len(names):
        problem = f"{len(cells)} values for {len(names)} columns: the row continues after column {names[-1]}"
        raise InkdigitError(f"{path}, line {number}: {problem}.", code="csv-row-long")
    values = bytearray()
    for name, cell in zip(names, cells, strict=True):
        largest = 9 if name == LABEL else 255
        value = _NUMBERS.get(cell, 256)
        if value > largest:
            shown = cell[:_MAX_SHOWN]
            problem = f"{shown!r} is not a whole number from 0 to {largest}" if cell else "the cell is blank"
            code = "label-invalid" if name == LABEL else "pixel-invalid"
            raise InkdigitError(f"{path}, line {number}, column {name}: {problem}.", code=code)
        values.append(value)
    return bytes(values)


def _split_cells(path: Path | str, number: int, line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode().rstrip("\r\n")], skipinitialspace=True, strict=True))
    except UnicodeDecodeError as error:
        problem = "this is not UTF-8 text; is the file really a CSV? Save it as CSV in UTF-8"
        raise InkdigitError(f"{path}, line {number}: {problem}.", code="csv-not-text") from error
    except csv.Error as error:
        problem = f"this is not a line of a CSV file ({error})"
        raise InkdigitError(f"{path}, line {number}: {problem}.", code="csv-line-malformed") from error
