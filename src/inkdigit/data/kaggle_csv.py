"""Kaggle's Digit Recognizer files: read and write `train.csv` and `test.csv`, write `submission.csv`."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zipfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.csv_layout import LABEL, PIXELS, CsvLayout, csv_layout
from inkdigit.data.csv_parser import parse_blocks, parse_row
from inkdigit.data.dataset import Dataset
from inkdigit.data.idx import GZIP
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic, cache_dir, check_packing, reading
from inkdigit.utils.npz import Arrays, read_npz

_BLOCK_SIZE = 1 << 19  # bytes parsed at once: the intermediate arrays stay in the processor's cache
_MAX_LINE_LENGTH = 1 << 16  # bytes; Kaggle's header has 6.6 thousand, a row at most 3.1
_MAX_TEXT_SIZE = 1 << 30  # bytes, unpacked; Kaggle's train.csv has 77 million
_MAX_CACHED_FILES = 8
_ROWS_PER_WRITE = 1000

ZIP = b"PK\3\4"

_CELLS = np.array([b"%d," % value for value in range(256)])
_LAST_CELLS = np.array([b"%d\n" % value for value in range(256)])


def read_csv(path: Path, *, labelled: bool | None = None) -> Dataset:
    """Read `label,pixel0,…,pixel783` or `pixel0,…,pixel783` from a CSV file, which may be packed by gzip or zip.

    Other headers, or none, are read where they leave no doubt; `assumed` says what was taken for granted. The same
    bytes are parsed once, if nothing was: the result is kept in the user's cache directory under their SHA-256.

    Args:
        path: the file.
        labelled: True demands a label column; otherwise labels are read where the file has them.

    Raises:
        InkdigitError: anything else, in one sentence with file, line (the header is line 1) and column.
    """
    if path.is_dir():
        raise InkdigitError(f"{path} is a folder: name the CSV file in it.", code="file-is-folder")
    with reading(path):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        cached = cache_dir() / "csv" / f"{content}.npz"
        from_cache = _read_cache(cached, source=path.name)
        digits = from_cache or _parse(path)
    if from_cache is None and not digits.assumed:
        _write_cache(cached, digits)
    if labelled and digits.labels is None:
        problem = "no label column: labelled data begins with 'label', then pixel0"
        raise InkdigitError(f"{path}, line 1: {problem}.", code="labels-missing")
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
    for start in range(0, len(digits), _ROWS_PER_WRITE):
        values = np.hstack([column[start : start + _ROWS_PER_WRITE] for column in columns])
        cells = _CELLS[values]
        cells[:, -1] = _LAST_CELLS[values[:, -1]]
        # NumPy fills short cells with zero bytes.
        yield cells.tobytes().translate(None, b"\0")


def submission_text(labels: NDArray[np.int64]) -> bytes:
    """Return what `write_submission` writes."""
    rows = (f"{image},{label}\n" for image, label in enumerate(labels.tolist(), start=1))
    return "".join(["ImageId,Label\n", *rows]).encode()


def _parse(path: Path) -> Dataset:
    layout = csv_layout(path, next(_read_blocks(path), b""))
    rows = parse_blocks(_row_blocks(path, layout), layout)
    if rows is None or (layout.label and np.any(rows[:, 0] > 9)):
        rows = _parse_row_by_row(path, layout)
    if not len(rows):
        raise InkdigitError(f"{path} has a header and no rows: it needs at least one image.", code="images-missing")
    if not layout.has_header and layout.label and not rows[:, 0].any() and rows[:, -1].any():
        problem = (
            "it has no header, and its first column is 0 in every row: are the labels in the last one? Add a header"
        )
        raise InkdigitError(f"{path}, line 1: {problem}.", code="csv-header-missing")
    labels = rows[:, 0].astype(np.int64) if layout.label else None
    return Dataset(rows[:, -len(PIXELS) :].reshape(-1, 28, 28), labels, path.name, layout.assumed)


def _row_blocks(path: Path, layout: CsvLayout) -> Iterator[bytes]:
    return islice(_read_blocks(path), int(layout.has_header), None)


def _parse_row_by_row(path: Path, layout: CsvLayout) -> NDArray[np.uint8]:
    """Parse a file with quoted cells or blank lines, or raise InkdigitError for its first wrong cell."""
    lines = (line for block in _row_blocks(path, layout) for line in block.splitlines())
    numbered = enumerate(lines, layout.first_line)
    rows = [parse_row(path, number, layout, line) for number, line in numbered if line.strip()]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, layout.columns)


# ---- unpacking


def _read_blocks(path: Path) -> Iterator[bytes]:
    size = 0
    with _open_csv(path) as stream:
        for block in whole_lines(stream):
            size += len(block)
            if size > _MAX_TEXT_SIZE:
                problem = f"holds more than {_MAX_TEXT_SIZE >> 20:,} MiB of text: split it into parts"
                raise InkdigitError(f"{path} {problem}.", code="file-too-large")
            yield block


def whole_lines(stream: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the stream in blocks of whole lines, the header line alone first."""
    block = stream.readline(_MAX_LINE_LENGTH)
    while block:
        yield block
        block = stream.read(_BLOCK_SIZE) + stream.readline(_MAX_LINE_LENGTH)


@contextmanager
def _open_csv(path: Path) -> Generator[Any]:
    """The text of a file in UTF-8, which may be packed, and in UTF-16: its first bytes show that, not its name."""
    with ExitStack() as opened:
        stream: Any = opened.enter_context(path.open("rb"))
        start = _start(stream)
        if start.startswith(GZIP) or path.suffix.lower() == ".gz":
            stream = opened.enter_context(gzip.open(path))
        elif start.startswith(ZIP) or path.suffix.lower() == ".zip":
            archive = opened.enter_context(zipfile.ZipFile(path))
            stream = opened.enter_context(archive.open(_find_csv(path, archive)))
        is_utf_16 = _start(stream).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        yield codecs.EncodedFile(stream, "utf-8", "utf-16") if is_utf_16 else stream


def _start(stream: Any) -> bytes:
    """The first bytes of a stream, which stays at its beginning."""
    start = stream.read(len(ZIP))
    stream.seek(0)
    return start


def _find_csv(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one CSV in the archive, apart from macOS's shadow files."""
    members = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith(".csv") and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        found = ", ".join(member.filename for member in members[:4]) or "none"
        problem = f"must hold one CSV file and holds {len(members)} ({found}): unpack it first"
        raise InkdigitError(f"{path} {problem}.", code="zip-contents-unexpected")
    check_packing(path, members[0])
    return members[0]


# ---- cache


def _read_cache(cached: Path, source: str) -> Dataset | None:
    """The digits of an entry; None where there is none, or a damaged one, which is then written again."""
    with suppress(ValueError):
        return read_npz(cached, partial(_from_arrays, source))
    return None


def _from_arrays(source: str, arrays: Arrays) -> Dataset:
    images, labels = arrays["images"], arrays["labels"]
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or labels.dtype != np.int64:
        raise ValueError("it holds other arrays")
    if len(labels) not in {0, len(images)} or not len(images):
        raise ValueError("it has not one label for each image")
    return Dataset(images, labels if len(labels) else None, source)


def _write_cache(cached: Path, digits: Dataset) -> None:
    labels = np.empty(0, np.int64) if digits.labels is None else digits.labels
    # Without a cache everything works, a little slower.
    with suppress(OSError, InkdigitError):
        with atomic(cached) as temporary, temporary.open("wb") as file:
            np.savez(file, images=digits.images, labels=labels)
        by_age = sorted(cached.parent.iterdir(), key=lambda entry: entry.stat().st_mtime)
        for entry in by_age[:-_MAX_CACHED_FILES]:
            entry.unlink()
