"""Rows of 28x28 pixels, some thousand at a time, from Parquet, CSV and IDX. A bad row is an error beside the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.bulk.location import Location, UnreachableError, picture_errors, read_errors
from inkdigit.bulk.parts import MAX_LINE_BYTES, Part, open_file
from inkdigit.data import csv_parser, parquet
from inkdigit.data.csv_layout import CsvLayout
from inkdigit.errors import InkdigitError
from inkdigit.imaging.preprocess import prepare

BLOCK_ROWS = 4096  # rows in memory at a time: 3 MB of pixels
_BLOCK_PICTURES = 64  # picture files in memory at a time, each of which may be a photo
_TEXT_BYTES = 1 << 19  # of CSV at a time
_READ_AHEAD_BYTES = 1 << 16  # for each column of a Parquet file: 784 of them may be open


@dataclass(frozen=True)
class Block:
    """Some rows that follow each other.

    Attributes:
        rows: (N,) int64, their numbers in the file, from 1.
        images: (N, 28, 28) uint8; black where there is an error.
        errors: sentences, by index into `rows`, of those that hold no image.
    """

    rows: NDArray[np.int64]
    images: NDArray[np.uint8]
    errors: dict[int, str]


class RowReader:
    """Reads parts in any order. It keeps the latest file open, so that the part that follows costs no second start."""

    def __init__(self, folder: Location) -> None:
        self._folder = folder
        self._closing = ExitStack()
        self._name: str | None = None
        self._stream: Any = None
        self._batches: _Batches | None = None

    def read(self, part: Part) -> Generator[Block]:
        """All rows of a part; from where the file cannot be read on, each row has the reason as its error.

        Raises:
            UnreachableError: another machine does not respond.
        """
        name, done = part.files[0], 0
        try:
            with read_errors(name, is_local=self._folder.is_local):
                if part.problem:
                    raise InkdigitError(part.problem, code=part.problem_code)
                self._open(part)
                for block in self._blocks(part):
                    yield block
                    done = int(block.rows[-1]) + 1 - part.first
        except UnreachableError:
            raise
        except InkdigitError as error:
            self.close()
            yield from _blocks_of_errors(np.arange(part.first + done, part.first + part.rows), str(error))

    def close(self) -> None:
        """Close the file."""
        self._closing.close()
        self._name = self._batches = None

    def _open(self, part: Part) -> None:
        if self._name == part.files[0]:
            return
        self.close()
        self._stream = self._closing.enter_context(open_file(self._folder, part.files[0]))
        self._name = part.files[0]

    def _blocks(self, part: Part) -> Iterator[Block]:
        if part.kind == "parquet":
            self._batches = self._batches or _Batches(part.files[0], self._stream)
            return _from_parquet(part, self._batches)
        self._stream.seek(part.start)
        return _from_csv(part, self._stream) if part.kind == "csv" else _from_idx(part, self._stream)


def _blocks_of_errors(rows: NDArray[np.int64], error: str) -> Iterator[Block]:
    for start in range(0, len(rows), BLOCK_ROWS):
        some = rows[start : start + BLOCK_ROWS]
        yield Block(some, np.zeros((len(some), 28, 28), np.uint8), dict.fromkeys(range(len(some)), error))


def _from_idx(part: Part, stream: Any) -> Iterator[Block]:
    for start in range(0, part.rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, part.rows - start)
        content = stream.read(784 * count)
        if len(content) < 784 * count:
            raise InkdigitError(
                f"{part.files[0]} ends before the images that its header announces: download it again.",
                code="file-damaged",
            )
        images = np.frombuffer(content, np.uint8).reshape(-1, 28, 28)
        if "emnist" in part.files[0].lower():  # EMNIST's files hold each image transposed
            images = np.ascontiguousarray(images.transpose(0, 2, 1))
        yield Block(np.arange(count) + part.first + start, images, {})


# ---- CSV


def _from_csv(part: Part, stream: Any) -> Iterator[Block]:
    """Blank lines are no rows, though they count as lines."""
    layout, left, number = _layout(part), part.end - part.start, part.first
    while left:
        text = stream.read(min(_TEXT_BYTES, left))
        if not text.endswith(b"\n") and len(text) < left:
            text += stream.readline(min(MAX_LINE_BYTES, left - len(text)))
        if not text:
            raise InkdigitError(
                f"{part.files[0]} became shorter while it was read: wait until it is complete.", code="file-changed"
            )
        left -= len(text)
        lines = text.count(b"\n") + (not text.endswith(b"\n"))
        pixels = csv_parser.parse_blocks([text], layout)
        if pixels is not None and len(pixels) == lines and not (layout.label and np.any(pixels[:, 0] > 9)):
            yield Block(np.arange(lines) + number, pixels[:, -784:].reshape(-1, 28, 28), {})
        elif (block := _parse_line_by_line(part, text, number)).rows.size:
            yield block
        number += lines


def _layout(part: Part) -> CsvLayout:
    if part.layout is None:
        raise TypeError(part)
    return part.layout


def _parse_line_by_line(part: Part, text: bytes, first: int) -> Block:
    layout = _layout(part)
    lines = [(first + index, line) for index, line in enumerate(text.split(b"\n")) if line.strip()]

    def image(index: int) -> NDArray[np.uint8]:
        row, line = lines[index]
        cells = csv_parser.parse_row(part.files[0], row + layout.first_line - 1, layout, line)
        return np.frombuffer(cells, np.uint8)[-784:].reshape(28, 28)

    return _block_of(np.array([row for row, _ in lines], np.int64), image)


def _block_of(rows: NDArray[np.int64], image: Callable[[int], NDArray[np.uint8]]) -> Block:
    """A block of what `image` returns for each index into `rows`, and of the errors that it raises."""
    images, errors = np.zeros((len(rows), 28, 28), np.uint8), dict[int, str]()
    for index in range(len(rows)):
        try:
            images[index] = image(index)
        except InkdigitError as error:
            errors[index] = str(error)
    return Block(rows, images, errors)


# ---- Parquet


class _Batches:
    """The rows of an open Parquet file from any row on; rows that follow the last ones are not read again."""

    def __init__(self, name: str, stream: Any) -> None:
        from pyarrow.parquet import ParquetFile

        self._name = name
        self._file = ParquetFile(stream, buffer_size=_READ_AHEAD_BYTES, pre_buffer=False)
        self.pictures = parquet.holds_pictures(self._file.schema_arrow)
        self._columns = parquet.image_columns(name, self._file.schema_arrow)
        groups = [self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)]
        self._starts = np.cumsum([0, *groups])
        self._position, self._rest = -1, None  # the next row, and what is left of its batch
        self._batches: Iterator[Any] = iter(())

    def rows(self, start: int, count: int) -> Iterator[Any]:
        """Record batches of the rows `start` to `start + count`, counted from 0."""
        group = int(np.searchsorted(self._starts, start, "right")) - 1
        if not self._starts[group] <= self._position <= start:
            self._position, self._rest = int(self._starts[group]), None
            size = _BLOCK_PICTURES if self.pictures else BLOCK_ROWS
            groups = range(group, self._file.num_row_groups)
            self._batches = self._file.iter_batches(size, row_groups=groups, columns=self._columns)
        while count:
            batch = self._rest or next(self._batches, None)
            if batch is None:
                raise InkdigitError(
                    f"{self._name} has fewer rows than it announces: download it again.", code="file-damaged"
                )
            skipped = min(start - self._position, len(batch))
            taken = min(len(batch) - skipped, count)
            self._position += skipped + taken
            start, count = start + taken, count - taken
            self._rest = batch.slice(skipped + taken) if skipped + taken < len(batch) else None
            if taken:
                yield batch.slice(skipped, taken)


def _from_parquet(part: Part, file: _Batches) -> Iterator[Block]:
    name, row = part.files[0], part.first
    for batch in file.rows(part.first - 1, part.rows):
        rows = np.arange(row, row + len(batch))
        if file.pictures:
            yield _block_of(rows, lambda index, batch=batch, rows=rows: _prepare(name, batch, index, int(rows[index])))
        else:
            yield _pixels(name, batch, rows)
        row += len(batch)


def _prepare(name: str, batch: Any, index: int, row: int) -> NDArray[np.uint8]:
    """One row's picture file -> an image (28, 28) uint8."""
    ((picture_name, content),) = parquet.pictures(name, batch.slice(index, 1), row)
    with picture_errors(picture_name):
        return prepare(content, name=picture_name)


def _pixels(name: str, batch: Any, rows: NDArray[np.int64]) -> Block:
    """All rows at once; where that fails, both halves, and so on until each bad row is alone."""
    try:
        return Block(rows, parquet.pixels(name, batch, int(rows[0])), {})
    except InkdigitError as error:
        if len(rows) == 1:
            return Block(rows, np.zeros((1, 28, 28), np.uint8), {0: str(error)})
    half = len(rows) // 2
    first, second = _pixels(name, batch.slice(0, half), rows[:half]), _pixels(name, batch.slice(half), rows[half:])
    errors = first.errors | {half + index: error for index, error in second.errors.items()}
    return Block(rows, np.concatenate([first.images, second.images]), errors)
