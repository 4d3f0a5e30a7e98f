"""Parquet: columns as Kaggle's (label, pixel0 to pixel783), or an image and its label, as Hugging Face's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.data.image_folder import to_digits
from inkdigit.data.kaggle_csv import LABEL, PIXELS
from inkdigit.data.validation import check_count, to_images, to_labels
from inkdigit.errors import InkdigitError
from inkdigit.utils.extras import require_extra

IMAGE = "image"

# Rows held at a time: 785 numbers each, or a picture file each, which may be a photo.
_ROWS, _PICTURES = 8192, 64


def read_parquet(path: Path) -> Dataset:
    """Read the rows, with labels where the file has a column `label`. Other columns are left aside.

    Raises InkdigitError where the `parquet` extra is not installed, and with row (counted from 1) and column for
    anything that is not an image or its label.
    """
    require_extra("parquet", f"{path}: reading Parquet")
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with path.open("rb") as stream:
        try:
            return _digits(path, ParquetFile(stream))
        except pa.ArrowException as error:
            raise ValueError(error) from error


def _digits(path: Path, file: Any) -> Dataset:
    check_count(file.metadata.num_rows, str(path))
    columns = image_columns(path, file.schema_arrow)
    labels = None
    if LABEL in file.schema_arrow.names:
        where = f"{path}, column {LABEL}"
        parts = [
            to_labels(_numbers(path, batch, LABEL, row), where, row) for row, batch in _batches(file, [LABEL], _ROWS)
        ]
        labels = np.concatenate(parts)
    if holds_pictures(file.schema_arrow):
        cells = (cell for row, batch in _batches(file, columns, _PICTURES) for cell in pictures(path, batch, row))
        return Dataset(to_digits(cells), labels, path.name)
    images = [pixels(path, batch, row) for row, batch in _batches(file, columns, _ROWS)]
    return Dataset(np.concatenate(images), labels, path.name)


def image_columns(path: Path | str, schema: Any) -> list[str]:
    """The columns that hold the images. Raises InkdigitError where one is missing or there twice."""
    names: list[str] = schema.names
    wanted = [IMAGE] if IMAGE in names else PIXELS
    missing = next((name for name in wanted if names.count(name) != 1), None)
    if missing:
        problem = f"the column {missing} is missing" if missing not in names else f"the column {missing} is there twice"
        needed = "label and pixel0 to pixel783 as Kaggle's, or image and label as Hugging Face's"
        raise InkdigitError(f"{path}: {problem}; what is read is {needed}.")
    return wanted


def holds_pictures(schema: Any) -> bool:
    """Whether the images are picture files, and not numbers."""
    from pyarrow import types

    return IMAGE in schema.names and not any(
        kind(schema.field(IMAGE).type) for kind in (types.is_fixed_size_list, types.is_list, types.is_large_list)
    )


def pixels(path: Path | str, batch: Any, first: int) -> NDArray[np.uint8]:
    """Rows of numbers -> (N, 28, 28). first: the number of the first row. Raises InkdigitError with row and column."""
    if IMAGE in batch.schema.names:
        return to_images(_lists(path, batch, first), f"{path}, column {IMAGE}", first)
    return to_images(np.column_stack([_numbers(path, batch, name, first) for name in PIXELS]), str(path), first)


def _lists(path: Path | str, batch: Any, first: int) -> NDArray[Any]:
    """A column of lists of 784 numbers each -> (N, 784), without a copy where it has no gaps."""
    from pyarrow import compute

    pc: Any = compute  # its functions are made when it is imported
    column = batch.column(IMAGE)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if np.any(lengths != len(PIXELS)):
        place = int(np.argmax(lengths != len(PIXELS)))
        problem = f"{lengths[place]} values, and an image has {len(PIXELS)}"
        raise InkdigitError(f"{path}, row {first + place}, column {IMAGE}: {problem}.")
    flat = column.flatten()
    if flat.null_count:
        row, pixel = divmod(flat.is_null().to_pylist().index(True), len(PIXELS))
        raise InkdigitError(f"{path}, row {first + row}, column {IMAGE}: pixel{pixel} is blank.")
    return flat.to_numpy(zero_copy_only=False).reshape(-1, len(PIXELS))


def pictures(path: Path | str, batch: Any, first: int) -> Iterator[tuple[str, bytes]]:
    """Rows of picture files -> name and content of each. Raises InkdigitError with the row."""
    for row, cell in enumerate(batch.column(IMAGE).to_pylist(), start=first):
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if not isinstance(content, bytes):
            raise InkdigitError(f"{path}, row {row}, column {IMAGE}: this is not the content of a picture file.")
        yield f"{path}, row {row}", content


def _numbers(path: Path | str, batch: Any, name: str, first: int) -> NDArray[Any]:
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
