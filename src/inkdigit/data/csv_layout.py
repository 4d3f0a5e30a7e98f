"""The first line of a CSV file -> how its columns stand: Kaggle's header, others that leave no doubt, or none."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from inkdigit.errors import InkdigitError

LABEL = "label"
PIXELS = [f"pixel{i}" for i in range(28 * 28)]

_LABEL_NAMES = {"label", "labels", "class", "target", "digit", "y"}
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MAX_SHOWN = 20  # characters of a name that an error shows


@dataclass(frozen=True)
class CsvLayout:
    """How the columns of a file stand.

    Attributes:
        names: of the columns with labels and pixels, in the file's order.
        label: where the label stands, if anywhere.
        separator: between two cells.
        has_header: whether the first line has the names.
        unnamed: how many columns without a name follow; their cells must be empty.
    """

    names: tuple[str, ...]
    label: Literal["first", "last"] | None
    separator: str = ","
    has_header: bool = True
    unnamed: int = 0

    @property
    def first_line(self) -> int:
        """The number of the first line with a row."""
        return 2 if self.has_header else 1

    @property
    def columns(self) -> int:
        """How many columns have labels or pixels."""
        return len(self.names)

    @property
    def assumed(self) -> str:
        """What is not as in Kaggle's files, and was taken for granted: a part of a sentence; empty if nothing was."""
        separator = [] if self.separator == "," else [f"cells apart by {_SEPARATORS[self.separator]}"]
        if not self.has_header:
            found = "the label first, then 784 pixels" if self.label else "784 pixels a line, no label"
            return ", ".join([f"no header: {found}", *separator])
        last = [f"the label last, in column {self.names[-1]}"] if self.label == "last" else []
        pixels = self.names[1:] if self.label == "first" else self.names
        other = [] if pixels[0] == PIXELS[0] else [f"pixels from column {pixels[0]} on"]
        return ", ".join([*other, *last, *separator])


def csv_layout(path: Path | str, line: bytes) -> CsvLayout:
    """Understand the first line of a file.

    Args:
        path: the file, for errors.
        line: the line.

    Raises:
        InkdigitError: the line is empty or names other columns; the sentence says which is wrong.
    """
    line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        raise InkdigitError(f"{path} is empty: it needs a header line and at least one image.", code="csv-empty")
    separator = max(_SEPARATORS, key=lambda one: line.count(one.encode()))
    cells = [cell.strip() for cell in split_cells(path, 1, line, separator)]
    names = cells[: max((place for place, cell in enumerate(cells, 1) if cell), default=0)]
    if not names:
        raise InkdigitError(f"{path}, line 1, has commas and no names: name the columns.", code="csv-header-unknown")
    unnamed = len(cells) - len(names)
    if all(re.fullmatch(r"\d{1,3}(\.0*)?", name) and float(name) < 256 for name in names):
        return _without_header(path, names, separator, unnamed)
    label: Literal["first", "last"] | None = None
    if names[0].lower() in _LABEL_NAMES:
        label = "first"
    elif names[-1].lower() in _LABEL_NAMES:
        label = "last"
    pixels = names[1:] if label == "first" else names[:-1] if label == "last" else names
    if not _are_pixels(pixels):
        raise _wrong_header(path, names)
    return CsvLayout(tuple(names), label, separator, unnamed=unnamed)


def _without_header(path: Path | str, cells: Sequence[str], separator: str, unnamed: int) -> CsvLayout:
    if len(cells) not in {len(PIXELS), len(PIXELS) + 1}:
        problem = f"there is no header, and {len(cells)} numbers are neither 784 pixels nor a label and these"
        raise InkdigitError(f"{path}, line 1: {problem}.", code="csv-header-missing")
    label = "first" if len(cells) > len(PIXELS) else None
    names = [LABEL, *PIXELS] if label else PIXELS
    return CsvLayout(tuple(names), label, separator, has_header=False, unnamed=unnamed)


def _are_pixels(names: Sequence[str]) -> bool:
    """Whether names count 784 pixels: from 0 or 1, or by row and column, as 1x1 to 28x28; each after the same word."""
    if len(names) != len(PIXELS) or not (begin := re.fullmatch(r"(.*?)([01])(x[01])?", names[0])):
        return False
    word, first = begin[1], int(begin[2])
    if begin[3]:
        return list(names) == [f"{word}{row + first}x{column + first}" for row in range(28) for column in range(28)]
    return list(names) == [f"{word}{number + first}" for number in range(len(PIXELS))]


def _wrong_header(path: Path | str, names: Sequence[str]) -> InkdigitError:
    """The error for a header that is not understood: for the first column that is not as in Kaggle's header."""
    unlabelled = names[0] in PIXELS and LABEL not in names
    expected = PIXELS if unlabelled else [LABEL, *PIXELS]
    if not set(names) & set(expected):
        begin = names[0][:_MAX_SHOWN]
        problem = f"this is not Kaggle's header (label,pixel0,…,pixel783); it begins with {begin!r}"
        return InkdigitError(f"{path}, line 1: {problem}.", code="csv-header-unknown")
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


def split_cells(path: Path | str, number: int, line: bytes, separator: str) -> list[str]:
    """A line -> its cells, which may be quoted.

    Raises:
        InkdigitError: it is not text in UTF-8, or not a line of a CSV file.
    """
    try:
        text = line.decode().rstrip("\r\n")
        return next(csv.reader([text], delimiter=separator, skipinitialspace=True, strict=True), [""])
    except UnicodeDecodeError as error:
        problem = "this is not UTF-8 text; is the file really a CSV? Save it as CSV in UTF-8"
        raise InkdigitError(f"{path}, line {number}: {problem}.", code="csv-not-text") from error
    except csv.Error as error:
        problem = f"this is not a line of a CSV file ({error})"
        raise InkdigitError(f"{path}, line {number}: {problem}.", code="csv-line-malformed") from error
