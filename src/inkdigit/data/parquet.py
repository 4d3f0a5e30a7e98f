"""Parquet: columns as Kaggle's (label, pixel0 to pixel783), or as Hugging Face's (image and label)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.arrays import check_count, to_images, to_labels
from inkdigit.data.digits import Digits
from inkdigit.data.kaggle import LABEL, PIXELS
from inkdigit.data.pictures import to_digits
from inkdigit.errors import InkdigitError

IMAGE = "image"

# Rows held at a time: 785 numbers each, or a picture file each, which may be a photo.
_ROWS, _PICTURES = 8192, 64


def read_parquet(path: Path) -> Digits:
    """Read the rows, with labels where the file has a column `label`. Other columns are left aside.

    Raises InkdigitError where the `parquet` extra is not installed, and with row (counted from 1) and column for
    anything that is not an image or its label.
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise InkdigitError(f'{path}: reading Parquet needs pyarrow: pip install "inkdigit[parquet]".') from error
    with path.open("rb") as stream:
        try:
            return _digits(path, ParquetFile(stream))
        except pa.ArrowException as error:
            raise ValueError(error) from error


def _digits(path: Path, file: Any) -> Digits:
    names: list[str] = file.schema_arrow.names
    check_count(file.metadata.num_rows, str(path))
    wanted = [IMAGE] if IMAGE in names else PIXELS
    missing = next((name for name in wanted if names.count(name) != 1), None)
    if missing:
        problem = f"the column {missing} is missing" if missing not in names else f"the column {missing} is there twice"
        needed = "label and pixel0 to pixel783 as Kaggle's, or image and label as Hugging Face's"
        raise InkdigitError(f"{path}: {problem}; what is read is {needed}.")
    labels = None
    if LABEL in names:
        where = f"{path}, column {LABEL}"
        parts = [
            to_labels(_numbers(path, batch, LABEL, row), where, row) for row, batch in _batches(file, [LABEL], _ROWS)
        ]
        labels = np.concatenate(parts)
    images = to_digits(_pictures(path, file)) if wanted == [IMAGE] else _pixels(path, file)
    return Digits(images, labels, path.name)


def _pixels(path: Path, file: Any) -> NDArray[np.uint8]:
    return np.concatenate(
        [
            to_images(np.column_stack([_numbers(path, batch, name, row) for name in PIXELS]), str(path), row)
            for row, batch in _batches(file, PIXELS, _ROWS)
        ]
    )


def _pictures(path: Path, file: Any) -> Iterator[tuple[str, bytes]]:
    for first, batch in _batches(file, [IMAGE], _PICTURES):
        for row, cell in enumerate(batch.column(IMAGE).to_pylist(), start=first):
            content = cell.get("bytes") if isinstance(cell, dict) else cell
            if not isinstance(content, bytes):
                raise InkdigitError(f"{path}, row {row}, column {IMAGE}: this is not the content of a picture file.")
            yield f"{path}, row {row}", content


def _numbers(path: Path, batch: Any, name: str, first: int) -> NDArray[Any]:
    column = batch.column(name)
    if column.null_count:
        row = first + column.is_null().to_pylist().index(True)
        raise InkdigitError(f"{path}, row {row}, column {name}: the cell is blank.")
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind not in "buif":
        raise InkdigitError(f"{path}, column {name} holds values of type {column.type}: whole numbers are needed.")
    return values


def _batches(file: Any, columns: list[str], rows: int) -> Iterator[tuple[int, Any]]:
    """Some rows of these columns at a time, with the number of the first, counted from 1."""
    first = 1
    for batch in file.iter_batches(rows, columns=columns):
        yield first, batch
        first += len(batch)
