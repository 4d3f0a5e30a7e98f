"""Rows of 28x28 pixels, some thousand at a time, from Parquet, CSV and IDX; a bad one keeps none from being read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.bulk.collection import LONGEST_LINE, Part, opened
from inkdigit.bulk.place import Place, UnreachableError, guarded, told
from inkdigit.data import kaggle_csv, parquet
from inkdigit.data.kaggle_csv import LABEL
from inkdigit.errors import InkdigitError
from inkdigit.imaging.preprocess import prepare

AT_ONCE = 4096  # rows in memory: 3 MB of pixels
_PICTURES = 64  # files, each of which may be a photo
_TEXT = 1 << 19  # bytes of CSV at once
_BUFFER = 1 << 16  # bytes read ahead of each column of a Parquet file: 784 of them may be open


@dataclass(frozen=True)
class Block:
    """rows: (N,) int64, their numbers. images: (N, 28, 28) uint8. errors: by place in them, where an image is none."""

    rows: NDArray[np.int64]
    images: NDArray[np.uint8]
    errors: dict[int, str]


class Rows:
    """Reads parts of one file after the other. It keeps the file open, so that what comes next costs no way back."""

    def __init__(self, folder: Place) -> None:
        self._folder = folder
        self._closing = ExitStack()
        self._name: str | None = None
        self._stream: Any = None
        self._batches: _Batches | None = None

    def read(self, part: Part) -> Generator[Block]:
        """The rows of a part, all of them: from where the file cannot be read on, each with the reason as its error.

        Raises UnreachableError where another machine does not answer.
        """
        name, done = part.files[0], 0
        try:
            with told(name, local=self._folder.local):
                if part.problem:
                    raise InkdigitError(part.problem)
                self._open(part)
                for block in self._blocks(part):
                    yield block
                    done = int(block.rows[-1]) + 1 - part.first
        except UnreachableError:
            raise
        except InkdigitError as error:
            self.close()
            yield from _without(np.arange(part.first + done, part.first + part.rows), str(error))

    def close(self) -> None:
        """Let go of the file."""
        self._closing.close()
        self._name = self._batches = None

    def _open(self, part: Part) -> None:
        if self._name == part.files[0]:
            return
        self.close()
        self._stream = self._closing.enter_context(opened(self._folder, part.files[0]))
        self._name = part.files[0]

    def _blocks(self, part: Part) -> Iterator[Block]:
        if part.kind == "parquet":
            self._batches = self._batches or _Batches(part.files[0], self._stream)
            return _from_parquet(part, self._batches)
        self._stream.seek(part.start)
        return _from_csv(part, self._stream) if part.kind == "csv" else _from_idx(part, self._stream)


def _without(rows: NDArray[np.int64], reason: str) -> Iterator[Block]:
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        yield Block(some, np.zeros((len(some), 28, 28), np.uint8), dict.fromkeys(range(len(some)), reason))


def _from_idx(part: Part, stream: Any) -> Iterator[Block]:
    for start in range(0, part.rows, AT_ONCE):
        count = min(AT_ONCE, part.rows - start)
        content = stream.read(784 * count)
        if len(content) < 784 * count:
            raise InkdigitError(f"{part.files[0]} ends before the images that its header announces: download it again.")
        images = np.frombuffer(content, np.uint8).reshape(-1, 28, 28)
        if "emnist" in part.files[0].lower():
            images = np.ascontiguousarray(images.transpose(0, 2, 1))
        yield Block(np.arange(count) + part.first + start, images, {})


# ---- CSV


def _from_csv(part: Part, stream: Any) -> Iterator[Block]:
    """Blank lines are no rows, though they count as lines."""
    left, number = part.end - part.start, part.first
    while left:
        text = stream.read(min(_TEXT, left))
        if not text.endswith(b"\n") and len(text) < left:
            text += stream.readline(min(LONGEST_LINE, left - len(text)))
        if not text:
            raise InkdigitError(f"{part.files[0]} became shorter while it was read: wait until it is complete.")
        left -= len(text)
        lines = text.count(b"\n") + (not text.endswith(b"\n"))
        pixels = kaggle_csv.parse([text], len(part.columns))
        labelled = part.columns[0] == LABEL
        if pixels is not None and len(pixels) == lines and not (labelled and np.any(pixels[:, 0] > 9)):
            yield Block(np.arange(lines) + number, pixels[:, -784:].reshape(-1, 28, 28), {})
        elif (block := _one_by_one(part, text, number)).rows.size:
            yield block
        number += lines


def _one_by_one(part: Part, text: bytes, first: int) -> Block:
    lines = [(first + place, line) for place, line in enumerate(text.split(b"\n")) if line.strip()]

    def image(place: int) -> NDArray[np.uint8]:
        row, line = lines[place]
        cells = kaggle_csv.parse_row(part.files[0], row + 1, part.columns, line)
        return np.frombuffer(cells, np.uint8)[-784:].reshape(28, 28)

    return _gathered(np.array([row for row, _ in lines], np.int64), image)


def _gathered(rows: NDArray[np.int64], image: Callable[[int], NDArray[np.uint8]]) -> Block:
    """A block of the images that there are, and the errors that were raised for the others."""
    images, errors = np.zeros((len(rows), 28, 28), np.uint8), dict[int, str]()
    for place in range(len(rows)):
        try:
            images[place] = image(place)
        except InkdigitError as error:
            errors[place] = str(error)
    return Block(rows, images, errors)


# ---- Parquet


class _Batches:
    """The rows of an open Parquet file from any one on; from where it stands it goes on without reading again."""

    def __init__(self, name: str, stream: Any) -> None:
        from pyarrow.parquet import ParquetFile

        self._name = name
        self._file = ParquetFile(stream, buffer_size=_BUFFER, pre_buffer=False)
        self.pictures = parquet.holds_pictures(self._file.schema_arrow)
        self._columns = parquet.image_columns(name, self._file.schema_arrow)
        groups = [self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)]
        self._starts = np.cumsum([0, *groups])
        self._position, self._left = -1, None
        self._batches: Iterator[Any] = iter(())

    def rows(self, start: int, count: int) -> Iterator[Any]:
        """Record batches of the rows `start` to `start + count`, counted from 0."""
        group = int(np.searchsorted(self._starts, start, "right")) - 1
        if not self._starts[group] <= self._position <= start:
            self._position, self._left = int(self._starts[group]), None
            at_once = _PICTURES if self.pictures else AT_ONCE
            groups = range(group, self._file.num_row_groups)
            self._batches = self._file.iter_batches(at_once, row_groups=groups, columns=self._columns)
        while count:
            batch = self._left or next(self._batches, None)
            if batch is None:
                raise InkdigitError(f"{self._name} has fewer rows than it announces: download it again.")
            skipped = min(start - self._position, len(batch))
            taken = min(len(batch) - skipped, count)
            self._position += skipped + taken
            start, count = start + taken, count - taken
            self._left = batch.slice(skipped + taken) if skipped + taken < len(batch) else None
            if taken:
                yield batch.slice(skipped, taken)


def _from_parquet(part: Part, file: _Batches) -> Iterator[Block]:
    name, row = part.files[0], part.first
    for batch in file.rows(part.first - 1, part.rows):
        rows = np.arange(row, row + len(batch))
        if file.pictures:
            yield _gathered(rows, lambda place, batch=batch, rows=rows: _prepared(name, batch, place, int(rows[place])))
        else:
            yield _pixels(name, batch, rows)
        row += len(batch)


def _prepared(name: str, batch: Any, place: int, row: int) -> NDArray[np.uint8]:
    ((named, content),) = parquet.pictures(name, batch.slice(place, 1), row)
    with guarded(named):
        return prepare(content, name=named)


def _pixels(name: str, batch: Any, rows: NDArray[np.int64]) -> Block:
    """All rows at once; where one is bad, both halves by themselves, as far as it takes to have it alone."""
    try:
        return Block(rows, parquet.pixels(name, batch, int(rows[0])), {})
    except InkdigitError as error:
        if len(rows) == 1:
            return Block(rows, np.zeros((1, 28, 28), np.uint8), {0: str(error)})
    half = len(rows) // 2
    first, second = _pixels(name, batch.slice(0, half), rows[:half]), _pixels(name, batch.slice(half), rows[half:])
    errors = first.errors | {half + place: error for place, error in second.errors.items()}
    return Block(rows, np.concatenate([first.images, second.images]), errors)
