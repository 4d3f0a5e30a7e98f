"""What is to be answered: the files of a collection, and the parts that they are done in."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from inkdigit.bulk.place import Place, UnreachableError, place, told
from inkdigit.data import idx, kaggle_csv
from inkdigit.data.image_folder import SUFFIXES
from inkdigit.data.loading import PICTURES
from inkdigit.errors import InkdigitError

Kind = Literal["parquet", "csv", "idx", "pictures", "unreadable"]

ROWS = 16_384  # of a part: seconds of work, which is what a kill costs
PAGES, DIGITS = 32, 512  # pictures of a part, of pages or lines and of one digit each
FEWEST = 16  # parts of pictures, where there are so many: a page may take a second, and no core should idle
LONGEST_LINE = 1 << 20  # bytes of a CSV file's line; Kaggle's have at most 3,000

_LISTED = (*SUFFIXES, ".pdf")
_NOTES = (".txt", ".md", ".csv", ".json", ".jsonl", ".toml", ".ini", ".db", ".html", ".xml")  # beside pictures
_BESIDE_ROWS = tuple(set(_NOTES) - {".csv", ".txt"})
_BLOCK = 1 << 20
_MOST_PACKED = 1032  # times: more than that, deflate does not shrink anything
_HEAD = 512  # bytes, by which a file tells what it is


@dataclass(frozen=True)
class Part:
    """Some rows of a file, or some pictures. It travels to other processes.

    first, rows: its rows, counted from 1. files: one with rows, or the pictures; relative to the collection's folder.
    start, end: where its text or its pixels lie, in bytes of the file, unpacked. columns: of a CSV file. problem: why
    none of it can be read.
    """

    number: int
    kind: Kind
    files: tuple[str, ...]
    rows: int
    first: int = 1
    start: int = 0
    end: int = 0
    columns: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Collection:
    """The parts of what is in a folder, in order. fingerprint: other files, or other versions of them, have another."""

    folder: Place
    parts: Sequence[Part]
    fingerprint: str
    pictures: bool

    @property
    def rows(self) -> int:
        """Of all parts."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    version: str


def find(source: str, besides: Place, *, pictures_at_once: int = PAGES) -> Collection:
    """The files at a path or URL: one file, all below a folder, or those that a pattern with * names.

    besides: where the answers go; what is there is none of it. pictures_at_once: of a part.
    Where some are pictures, each of the files is taken for one, notes (.txt, .csv, …) aside. Hidden ones are left out.
    A file that cannot be read is a part of one row. Raises InkdigitError where there are no files, or none is readable.
    """
    where = place(source)
    folder, files = _files(source, where, besides)
    named = len(files) == 1 and not where.system.isdir(where.path)
    suffixed = any(file.name.lower().endswith(_LISTED) for file in files)
    pictures = suffixed or (named and _is_picture(folder, files[0]))
    if pictures:
        chosen = [file for file in files if named or not file.name.lower().endswith(_NOTES)]
        parts = list(_picture_parts([file.name for file in chosen], pictures_at_once))
    else:
        chosen = [file for file in files if named or not _is_beside_rows(file.name.lower())]
        parts = list(_numbered(_row_parts(folder, chosen, named=named)))
    if parts and all(part.problem for part in parts):
        raise InkdigitError(str(parts[0].problem))
    if not parts:
        raise InkdigitError(f"{source} holds neither digits nor pictures: name Parquet, CSV, IDX or picture files.")
    digest = hashlib.sha256()
    for item in (*chosen, *parts):
        digest.update(repr(item).encode("utf-8", "backslashreplace"))
    return Collection(folder, parts, digest.hexdigest(), pictures)


# ---- files


def _files(source: str, where: Place, besides: Place) -> tuple[Place, list[_File]]:
    """The folder that names are relative to, and the files in order of their names."""
    system, path = where.system, where.path
    if besides.system == system and f"{path.rstrip('/')}/".startswith(besides.below("")):
        raise InkdigitError(f"{source} lies in {besides.path}, where the answers go: name a folder outside for them.")
    with told(source, local=where.local):
        system.invalidate_cache()
        if any(letter in path for letter in "*?[") and not system.exists(path):
            found = system.glob(path, detail=True)
            root = posixpath.dirname(path[: min(path.find(letter) for letter in "*?[" if letter in path)])
        elif system.isfile(path):
            found, root = {path: system.info(path)}, posixpath.dirname(path)
        elif system.isdir(path):
            # Here a folder that cannot be read would be passed over without a word.
            found, root = system.find(path, detail=True, **({"on_error": "raise"} if where.local else {})), path
        else:
            raise InkdigitError(f"{source} does not exist: check the name and the folder.")
    root = root.rstrip("/")
    files = [
        _File(name[len(root) :].lstrip("/"), int(info.get("size") or 0), _version(name, info))
        for name, info in sorted(found.items())
        if _is_file(system, name, info) and not (besides.system == system and name.startswith(besides.below("")))
    ]
    hidden = (".", "__MACOSX")
    shown = [file for file in files if file.name and not any(step.startswith(hidden) for step in file.name.split("/"))]
    if not shown:
        raise InkdigitError(f"{source} holds no files: name a folder with digits or pictures.")
    return Place(system, root), shown


def _is_file(system: Any, name: str, info: dict[str, Any]) -> bool:
    """Whether it is a file, or a link that is none to a folder: those may go in circles. One to nothing is an error.

    S3's console makes folders as objects whose names end in a slash.
    """
    return not name.endswith("/") and (info["type"] == "file" or bool(info.get("islink") and not system.isdir(name)))


def _version(name: str, info: dict[str, Any]) -> str:
    """Something that changes when the file does; what it is depends on the file system."""
    if info.get("islink"):  # its own time is not that of the file
        with suppress(OSError):
            return str(Path(name).stat().st_mtime_ns)
    known = (info.get(key) for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated"))
    return str(next((value for value in known if value), ""))


def _is_picture(folder: Place, file: _File) -> bool:
    with told(file.name, local=folder.local), folder.system.open(folder.below(file.name), "rb") as stream:
        start = stream.read(_HEAD)
    return start.startswith(PICTURES) or b"%PDF-" in start


def _is_beside_rows(name: str) -> bool:
    """Whether it is a note, or what other programs leave beside their Parquet files, such as _SUCCESS."""
    return name.endswith(_BESIDE_ROWS) or posixpath.basename(name).startswith("_")


# ---- parts


def _picture_parts(names: Sequence[str], at_once: int) -> Iterator[Part]:
    at_once = min(at_once, -(-len(names) // FEWEST) or 1)
    for number, (start, end) in enumerate(_shares(0, len(names), at_once)):
        yield Part(number, "pictures", tuple(names[start:end]), end - start, start + 1)


def _row_parts(folder: Place, files: Iterable[_File], *, named: bool) -> Iterator[Part]:
    """Where a file is damaged, a row stands for the rest of it."""
    for file in files:
        following = 1
        try:
            with told(file.name, local=folder.local):
                for part in _parts_of(folder, file, named=named):
                    yield part
                    following = part.first + part.rows
        except UnreachableError:
            raise
        except InkdigitError as error:
            yield Part(0, "unreadable", (file.name,), 1, following, problem=str(error))


def _numbered(parts: Iterable[Part]) -> Iterator[Part]:
    for number, part in enumerate(parts):
        yield replace(part, number=number)


def _parts_of(folder: Place, file: _File, *, named: bool) -> Iterator[Part]:
    with opened(folder, file.name) as stream:
        start = stream.read(_HEAD)
        stream.seek(0)
        if start.startswith(b"PAR1") or (not start and file.name.endswith((".parquet", ".pq"))):
            yield from _parquet_parts(file, stream)
        elif idx.is_idx(start):
            yield from _idx_parts(file, stream, packed=isinstance(stream, gzip.GzipFile), named=named)
        elif b"\0" in start or start.startswith(b"PK\3\4"):
            raise InkdigitError(f"{file.name} is in none of the formats that are read: Parquet, CSV and IDX (or .gz).")
        else:
            yield from _csv_parts(file, stream)


@contextmanager
def opened(folder: Place, name: str) -> Generator[IO[bytes] | gzip.GzipFile]:
    """A file, unpacked where it is packed by gzip."""
    with folder.system.open(folder.below(name), "rb") as stream:
        packed = stream.read(2) == idx.GZIP
        stream.seek(0)
        if not packed:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield unpacked


def _parquet_parts(file: _File, stream: Any) -> Iterator[Part]:
    """Parts end where row groups do, as far as these are not too large or too small."""
    from pyarrow.parquet import ParquetFile

    from inkdigit.data.parquet import image_columns

    parquet = ParquetFile(stream)
    image_columns(file.name, parquet.schema_arrow)
    first, taken = 0, 0
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        if taken and taken + rows > ROWS:
            yield from _cut("parquet", file, first, taken)
            first, taken = first + taken, 0
        taken += rows
    yield from _cut("parquet", file, first, taken)


def _idx_parts(file: _File, stream: IO[bytes] | gzip.GzipFile, *, packed: bool, named: bool) -> Iterator[Part]:
    shape = idx.read_shape(file.name, stream)
    if len(shape) == 1:
        if named:
            raise InkdigitError(f"{file.name} holds labels: name the images' file.")
        return
    begin = stream.tell()
    announced = begin + 784 * shape[0]
    if announced > file.size * (_MOST_PACKED if packed else 1) or (not packed and announced < file.size):
        problem = "goes on after" if announced < file.size else "ends before"
        if not packed:
            yield from _cut("idx", file, 0, min((file.size - begin) // 784, shape[0]), begin)
        raise InkdigitError(f"{file.name} {problem} the {shape[0]:,} that its header announces: download it again.")
    yield from _cut("idx", file, 0, shape[0], begin)


def _cut(kind: Kind, file: _File, before: int, rows: int, begin: int = 0) -> Iterator[Part]:
    """Parts of rows that follow `before` others; `begin` is where the first row of the file begins, in bytes."""
    for start, end in _shares(before, before + rows, ROWS):
        yield Part(0, kind, (file.name,), end - start, start + 1, begin + 784 * start, begin + 784 * end)


def _csv_parts(file: _File, stream: IO[bytes] | gzip.GzipFile) -> Iterator[Part]:
    """A line is a row, and line 2 the first one. The file is read once for where its lines begin.

    Where it is damaged, the lines before that are a part before the error is raised.
    """
    line = stream.readline(LONGEST_LINE)
    names = tuple(kaggle_csv.header(file.name, line))
    start, first, rows, position, ended = len(line), 1, 0, len(line), len(line)
    # Of a packed file, `read` would lose with the damage what comes before it.
    read = stream.read1 if isinstance(stream, gzip.GzipFile) else stream.read
    try:
        for block in iter(lambda: read(_BLOCK), b""):
            count = block.count(b"\n")
            if rows + count >= ROWS:
                ends = position + 1 + np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
                for last in range(ROWS - rows - 1, count, ROWS):
                    end = int(ends[last])
                    yield Part(0, "csv", (file.name,), ROWS, first, start, end, names)
                    start, first = end, first + ROWS
                count = (rows + count) % ROWS
                rows = 0
            rows += count
            position += len(block)
            ended = position - len(block) + block.rfind(b"\n") + 1 if b"\n" in block else ended
            if position - ended > LONGEST_LINE:
                raise InkdigitError(f"{file.name}, line {first + rows + 1}, is too long for a row of 784 numbers.")
    except Exception:  # each file system has errors of its own: any is raised, after the rows before it
        if rows:
            yield Part(0, "csv", (file.name,), rows, first, start, ended, names)
        raise
    rows += ended < position  # a last line may go without its end
    if rows:
        yield Part(0, "csv", (file.name,), rows, first, start, position, names)


def _shares(start: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """Start and end of the fewest equal shares of at most so many."""
    shares = -(-(end - start) // most)
    bounds = [start + (end - start) * share // shares for share in range(shares + 1)] if shares else []
    return pairwise(bounds)
