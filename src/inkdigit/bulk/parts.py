"""Files -> the parts that they are worked on in: some rows of a file, or some pictures."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, Any, Literal

import numpy as np

from inkdigit.bulk.location import Location, UnreachableError, read_errors
from inkdigit.data import idx
from inkdigit.data.csv_layout import CsvLayout, csv_layout
from inkdigit.errors import InkdigitError

Kind = Literal["parquet", "csv", "idx", "pictures", "unreadable"]

PART_ROWS = 16_384  # at most: seconds of work, which is what a kill costs
MIN_PICTURE_PARTS = 16  # if there are at least as many pictures: a page may take a second, and no core should be idle
MAX_LINE_BYTES = 1 << 20  # of a CSV file; Kaggle's lines have at most 3,000
HEAD_BYTES = 512  # of a file, from which its format is recognised

_BLOCK_BYTES = 1 << 20
_MAX_GZIP_RATIO = 1032  # deflate shrinks nothing by more than this factor


@dataclass(frozen=True)
class Part:
    """Some rows of a file, or some pictures. It is pickled for other processes.

    Attributes:
        number: of the part, from 0.
        kind: how to read it; "unreadable" is one row that stands for a file, or for the rest of one.
        files: one file of rows, or the pictures; relative to the collection's folder.
        rows: how many rows or pictures.
        first: the number of the first one, from 1.
        start: where its text or pixels begin, in bytes of the unpacked file.
        end: where they end.
        layout: how its columns stand, of a CSV file.
        problem: why none of it can be read, a sentence.
        problem_code: the InkdigitError's code for that.
    """

    number: int
    kind: Kind
    files: tuple[str, ...]
    rows: int
    first: int = 1
    start: int = 0
    end: int = 0
    layout: CsvLayout | None = None
    problem: str | None = None
    problem_code: str = field(default="", repr=False)  # a collection's fingerprint is made of the text of its parts


def picture_parts(names: Sequence[str], pictures: int) -> Iterator[Part]:
    """Parts of at most `pictures` files each; of fewer, where else there would be less than `MIN_PICTURE_PARTS`."""
    pictures = min(pictures, -(-len(names) // MIN_PICTURE_PARTS) or 1)
    for number, (start, end) in enumerate(_equal_shares(0, len(names), pictures)):
        yield Part(number, "pictures", tuple(names[start:end]), end - start, start + 1)


def row_parts(folder: Location, name: str, size: int, *, labels_refused: bool) -> Iterator[Part]:
    """A file of rows -> its parts, all with the number 0. Where the file is damaged, one row stands for the rest of it.

    Args:
        folder: where the file is.
        name: of the file, relative to the folder.
        size: of the file, in bytes.
        labels_refused: whether a file of labels is unreadable, rather than left out.

    Raises:
        UnreachableError: another machine does not respond.
    """
    next_row = 1
    try:
        with read_errors(name, is_local=folder.is_local):
            for part in _readable_parts(folder, name, size, labels_refused=labels_refused):
                yield part
                next_row = part.first + part.rows
    except UnreachableError:
        raise
    except InkdigitError as error:
        yield Part(0, "unreadable", (name,), 1, next_row, problem=str(error), problem_code=error.code)


@contextmanager
def open_file(folder: Location, name: str) -> Generator[IO[bytes] | gzip.GzipFile]:
    """A file's content as a stream, unpacked where gzip has packed it."""
    with folder.system.open(folder.join(name), "rb") as stream:
        packed = stream.read(2) == idx.GZIP
        stream.seek(0)
        if not packed:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield unpacked


def _readable_parts(folder: Location, name: str, size: int, *, labels_refused: bool) -> Iterator[Part]:
    with open_file(folder, name) as stream:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        if head.startswith(b"PAR1") or (not head and name.endswith((".parquet", ".pq"))):
            yield from _parquet_parts(name, stream)
        elif idx.is_idx(head):
            packed = isinstance(stream, gzip.GzipFile)
            yield from _idx_parts(name, size, stream, packed=packed, labels_refused=labels_refused)
        elif head.startswith((b"PK\3\4", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            problem = "is packed by zip: unpack it" if head.startswith(b"PK") else "is text in UTF-16: save it as UTF-8"
            raise InkdigitError(f"{name} {problem}.", code="format-unknown")
        elif b"\0" in head:
            raise InkdigitError(
                f"{name} is in none of the formats that are read: Parquet, CSV and IDX (or .gz).",
                code="format-unknown",
            )
        else:
            yield from _csv_parts(name, stream)


def _parquet_parts(name: str, stream: Any) -> Iterator[Part]:
    """Parts end where row groups do, unless these are too large or too small."""
    from pyarrow.parquet import ParquetFile

    from inkdigit.data.parquet import image_columns

    parquet = ParquetFile(stream)
    image_columns(name, parquet.schema_arrow)
    before, taken = 0, 0
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        if taken and taken + rows > PART_ROWS:
            yield from _cut("parquet", name, before, taken)
            before, taken = before + taken, 0
        taken += rows
    yield from _cut("parquet", name, before, taken)


def _idx_parts(
    name: str, size: int, stream: IO[bytes] | gzip.GzipFile, *, packed: bool, labels_refused: bool
) -> Iterator[Part]:
    shape = idx.read_shape(name, stream)
    if len(shape) < 3:
        if labels_refused:
            raise InkdigitError(f"{name} holds labels: name the images' file.", code="idx-images-missing")
        return
    begin = stream.tell()
    announced = begin + 784 * shape[0]
    if announced > size * (_MAX_GZIP_RATIO if packed else 1) or (not packed and announced < size):
        problem = "goes on after" if announced < size else "ends before"
        if not packed:
            yield from _cut("idx", name, 0, min((size - begin) // 784, shape[0]), begin)
        raise InkdigitError(
            f"{name} {problem} the {shape[0]:,} images that its header announces: download it again.",
            code="file-damaged",
        )
    yield from _cut("idx", name, 0, shape[0], begin)


def _cut(kind: Kind, name: str, before: int, rows: int, begin: int = 0) -> Iterator[Part]:
    """Parts of the rows that follow `before` others; `begin` is where the first row of the file begins, in bytes."""
    for start, end in _equal_shares(before, before + rows, PART_ROWS):
        yield Part(0, kind, (name,), end - start, start + 1, begin + 784 * start, begin + 784 * end)


def _csv_parts(name: str, stream: IO[bytes] | gzip.GzipFile) -> Iterator[Part]:
    """Each line is a row; the line after the header is row 1. The file is read once to see where its lines begin.

    Where it is damaged, the lines before the damage are a part, and then the error is raised.
    """
    line = stream.readline(MAX_LINE_BYTES)
    layout = csv_layout(name, line)
    if not layout.has_header:
        stream.seek(0)
    # Bytes: where the part begins, how much is read, and where the last complete line ends.
    start = position = line_end = len(line) if layout.has_header else 0
    first, rows = 1, 0
    # `read` would lose what comes before the damage in a packed file.
    read = stream.read1 if isinstance(stream, gzip.GzipFile) else stream.read
    try:
        for block in iter(lambda: read(_BLOCK_BYTES), b""):
            count = block.count(b"\n")
            if rows + count >= PART_ROWS:
                ends = position + 1 + np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
                for last in range(PART_ROWS - rows - 1, count, PART_ROWS):
                    end = int(ends[last])
                    yield Part(0, "csv", (name,), PART_ROWS, first, start, end, layout)
                    start, first = end, first + PART_ROWS
                count = (rows + count) % PART_ROWS
                rows = 0
            rows += count
            line_end = position + block.rfind(b"\n") + 1 if b"\n" in block else line_end
            position += len(block)
            if position - line_end > MAX_LINE_BYTES:
                raise InkdigitError(
                    f"{name}, line {first + rows + layout.first_line - 1}, is too long for a row of 784 numbers.",
                    code="csv-line-too-long",
                )
    except Exception:  # each file system has errors of its own: any is raised, after the rows before it
        if rows:
            yield Part(0, "csv", (name,), rows, first, start, line_end, layout)
        raise
    rows += line_end < position  # the last line may lack its newline
    if rows:
        yield Part(0, "csv", (name,), rows, first, start, position, layout)


def _equal_shares(start: int, end: int, largest: int) -> Iterator[tuple[int, int]]:
    """Start and end of the fewest equal shares of at most `largest`."""
    shares = -(-(end - start) // largest)
    bounds = [start + (end - start) * share // shares for share in range(shares + 1)] if shares else []
    return pairwise(bounds)
