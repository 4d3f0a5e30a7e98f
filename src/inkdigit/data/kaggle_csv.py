"""Kaggle's Digit Recognizer files: `train.csv` and `test.csv` read and written, `submission.csv` written."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import DAMAGE, atomic, cache_dir, check_packing, reading

LABEL = "label"
PIXELS = [f"pixel{i}" for i in range(28 * 28)]

_BLOCK = 1 << 19  # bytes parsed at a time: the intermediate arrays stay in the processor's cache
_LONGEST_LINE = 1 << 16  # bytes; Kaggle's header has 6.6 thousand, a row at most 3.1
_LARGEST_TEXT = 1 << 30  # bytes, unpacked; Kaggle's train.csv has 77 million
_CACHED_FILES = 8

_NUMBERS = {f"{value:0{width}d}": value for width in (1, 2, 3) for value in range(256)}
_CELLS = np.array([b"%d," % value for value in range(256)])
_LAST_CELLS = np.array([b"%d\n" % value for value in range(256)])


def read_csv(path: Path, *, labelled: bool | None = None) -> Dataset:
    """Read `label,pixel0,…,pixel783` or `pixel0,…,pixel783` from a .csv, .csv.gz or .zip file.

    labelled: True demands a label column; otherwise labels are read where the file has them.
    The same bytes are parsed once: the result is kept in the user's cache directory under their SHA-256.
    Raises InkdigitError, one sentence with file, line (the header is line 1) and column, for anything else.
    """
    if path.is_dir():
        raise InkdigitError(f"{path} is a folder: name the CSV file in it.")
    with reading(path):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        cached = cache_dir() / "csv" / f"{content}.npz"
        recalled = _recall(cached, source=path.name)
        digits = recalled or _parse(path)
    if recalled is None:
        _remember(cached, digits)
    if labelled and digits.labels is None:
        raise InkdigitError(f"{path}, line 1: no label column: labelled data begins with 'label', then pixel0.")
    return digits


def write_csv(path: Path, digits: Dataset) -> None:
    """Write the digits exactly as Kaggle does: `label` first where there are labels, then the 784 pixels."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.writelines(csv_text(digits))


def write_submission(path: Path, predictions: NDArray[np.int64]) -> None:
    """Write digits (N,) exactly as Kaggle's sample: `ImageId,Label`, counted from 1."""
    with atomic(path) as temporary:
        temporary.write_bytes(submission_text(predictions))


def csv_text(digits: Dataset) -> Iterator[bytes]:
    """Yield what `write_csv` writes, a thousand rows at a time."""
    columns = [digits.images.reshape(-1, len(PIXELS))]
    names = PIXELS
    if digits.labels is not None:
        columns.insert(0, digits.labels.astype(np.uint8)[:, None])
        names = [LABEL, *PIXELS]
    yield ",".join(names).encode() + b"\n"
    for start in range(0, len(digits), 1000):
        values = np.hstack([column[start : start + 1000] for column in columns])
        cells = _CELLS[values]
        cells[:, -1] = _LAST_CELLS[values[:, -1]]
        # NumPy fills short cells with zero bytes.
        yield cells.tobytes().translate(None, b"\0")


def submission_text(labels: NDArray[np.int64]) -> bytes:
    """Return what `write_submission` writes."""
    rows = (f"{image},{label}\n" for image, label in enumerate(labels.tolist(), start=1))
    return "".join(["ImageId,Label\n", *rows]).encode()


# ---- reading: cache, fast pass, careful pass


def _parse(path: Path) -> Dataset:
    blocks = _blocks(path)
    names = header(path, next(blocks, b""))
    rows = parse(blocks, len(names))
    if rows is None or (LABEL in names and np.any(rows[:, 0] > 9)):
        rows = _parse_carefully(path, names)
    if not len(rows):
        raise InkdigitError(f"{path} has a header and no rows: it needs at least one image.")
    labels = rows[:, 0].astype(np.int64) if LABEL in names else None
    return Dataset(rows[:, -len(PIXELS) :].reshape(-1, 28, 28), labels, path.name)


def parse(blocks: Iterable[bytes], columns: int) -> NDArray[np.uint8] | None:
    """Parse blocks of whole lines, header aside, into (rows, columns), or None if anything is unusual."""
    # glibc hands freed memory back after every block, and takes it anew, until one large array has been freed
    # (measured: 245,000 page faults and three times the time for Kaggle's train.csv).
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

    All bytes at once, which is several times as fast as a general CSV reader: every byte that is no digit
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


def _parse_carefully(path: Path, names: Sequence[str]) -> NDArray[np.uint8]:
    """Ten times as slow: takes quoted cells and blank lines, and says where the first bad cell stands."""
    blocks = _blocks(path)
    next(blocks)
    lines = (line for block in blocks for line in block.splitlines())
    rows = [parse_row(path, number, names, line) for number, line in enumerate(lines, start=2) if line.strip()]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, len(names))


def parse_row(path: Path | str, number: int, names: Sequence[str], line: bytes) -> bytes:
    """A line of cells -> a byte for each of the columns. Raises InkdigitError with line and column."""
    cells = _cells(path, number, line)
    if len(cells) < len(names):
        problem = f"the row ends before it, with {len(cells)} values for {len(names)} columns"
        raise InkdigitError(f"{path}, line {number}, column {names[len(cells)]}: {problem}.")
    if len(cells) > len(names):
        problem = f"{len(cells)} values for {len(names)} columns: the row goes on after column {names[-1]}"
        raise InkdigitError(f"{path}, line {number}: {problem}.")
    values = bytearray()
    for name, cell in zip(names, cells, strict=True):
        largest = 9 if name == LABEL else 255
        value = _NUMBERS.get(cell, 256)
        if value > largest:
            problem = f"{cell[:20]!r} is not a whole number from 0 to {largest}" if cell else "the cell is blank"
            raise InkdigitError(f"{path}, line {number}, column {name}: {problem}.")
        values.append(value)
    return bytes(values)


def header(path: Path | str, line: bytes) -> list[str]:
    """Return the column names in the header line, which must be Kaggle's. Raises InkdigitError for another one."""
    line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        raise InkdigitError(f"{path} is empty: it needs a header line and at least one image.")
    names = _cells(path, 1, line)
    unlabelled = names[0] in PIXELS and LABEL not in names
    expected = PIXELS if unlabelled else [LABEL, *PIXELS]
    if names == expected:
        return names
    if not set(names) & set(expected):
        problem = f"this is not Kaggle's header (label,pixel0,…,pixel783); it begins with {names[0][:20]!r}"
        raise InkdigitError(f"{path}, line 1: {problem}.")
    raise InkdigitError(f"{path}, line 1: {_difference(names, expected)}.")


def _difference(names: Sequence[str], expected: Sequence[str]) -> str:
    """Say what is wrong at the first column that is not the expected one."""
    place, got, want = next(
        (place, got, want)
        for place, (got, want) in enumerate(zip_longest(names, expected, fillvalue=""), start=1)
        if got != want
    )
    misplaced = got in expected
    if want and want not in names:
        if misplaced or place > len(names):
            return f"column {want} is missing"
        return f"column {place} is named {got[:20]!r} and should be {want}"
    if not misplaced:
        return f"column {place}, {got[:20]!r}, does not belong here: remove it"
    if got in names[: place - 1]:
        return f"column {got} stands there twice"
    return f"column {place} is {got} and should be {want}"


def _cells(path: Path | str, number: int, line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode().rstrip("\r\n")], skipinitialspace=True, strict=True))
    except UnicodeDecodeError as error:
        problem = "this is not UTF-8 text; is the file really a CSV? Save it as CSV in UTF-8"
        raise InkdigitError(f"{path}, line {number}: {problem}.") from error
    except csv.Error as error:
        raise InkdigitError(f"{path}, line {number}: this is not a line of a CSV file ({error}).") from error


# ---- unpacking


def _blocks(path: Path) -> Iterator[bytes]:
    size = 0
    with _opened(path) as stream:
        for block in whole_lines(stream):
            size += len(block)
            if size > _LARGEST_TEXT:
                raise InkdigitError(f"{path} holds more than {_LARGEST_TEXT >> 20:,} MiB of text: split it into parts.")
            yield block


def whole_lines(stream: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the stream in blocks of whole lines, the header line alone first."""
    block = stream.readline(_LONGEST_LINE)
    while block:
        yield block
        block = stream.read(_BLOCK) + stream.readline(_LONGEST_LINE)


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes] | gzip.GzipFile]:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        with gzip.open(path) as stream:
            yield stream
    elif suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one CSV in the archive, macOS's shadow files left aside."""
    members = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith(".csv") and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        found = ", ".join(member.filename for member in members[:4]) or "none"
        raise InkdigitError(f"{path} must hold one CSV file and holds {len(members)} ({found}): unpack it first.")
    check_packing(path, members[0])
    return members[0]


# ---- cache


def _recall(cached: Path, source: str) -> Dataset | None:
    try:
        with np.load(cached, allow_pickle=False) as arrays:
            labels = arrays["labels"]
            return Dataset(arrays["images"], labels if len(labels) else None, source)
    # The npz format carries checksums: a damaged entry fails in one of these ways, and is written again.
    except (OSError, KeyError, *DAMAGE):
        return None


def _remember(cached: Path, digits: Dataset) -> None:
    labels = np.empty(0, np.int64) if digits.labels is None else digits.labels
    # Without a cache everything works, a little slower.
    with suppress(OSError, InkdigitError):
        with atomic(cached) as temporary, temporary.open("wb") as file:
            np.savez(file, images=digits.images, labels=labels)
        by_age = sorted(cached.parent.iterdir(), key=lambda entry: entry.stat().st_mtime)
        for entry in by_age[:-_CACHED_FILES]:
            entry.unlink()
