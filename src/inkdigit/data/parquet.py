"""Parquet: columns as Kaggle's (label, pixel0 to pixel783), or an image and its label, as Hugging Face's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.csv_layout import LABEL, PIXELS
from inkdigit.data.dataset import Dataset
from inkdigit.data.image_folder import to_digits
from inkdigit.data.validation import check_count, to_images, to_labels
from inkdigit.errors import InkdigitError
from inkdigit.utils.extras import require_extra

IMAGE = "image"

# Rows held at once: 785 numbers each, or a picture file each, which may be a photo.
_ROWS_PER_BATCH, _PICTURES_PER_BATCH = 8192, 64


def read_parquet(path: Path) -> Dataset:
    """Read the rows, with labels where the file has a column `label`. Other columns are ignored.

    Raises:
        InkdigitError: the `parquet` extra is not installed, or a cell is not an image or its label; the sentence
            names row (counted from 1) and column.
    """
    require_extra("parquet", f"{path}: reading Parquet")
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with path.open("rb") as stream:
        try:
            return _read_rows(path, ParquetFile(stream))
        except pa.ArrowException as error:
            raise ValueError(error) from error


def _read_rows(path: Path, file: Any) -> Dataset:
    check_count(file.metadata.num_rows, str(path))
    columns = image_columns(path, file.schema_arrow)
    labels = None
    if LABEL in file.schema_arrow.names:
        where = f"{path}, column {LABEL}"
        parts = [
            to_labels(_numbers(path, batch, LABEL, row), where, row)
            for row, batch in _batches(file, [LABEL], _ROWS_PER_BATCH)
        ]
        labels = np.concatenate(parts)
    if holds_pictures(file.schema_arrow):
        cells = (
            cell for row, batch in _batches(file, columns, _PICTURES_PER_BATCH) for cell in pictures(path, batch, row)
        )
        return Dataset(to_digits(cells), labels, path.name)
    images = [pixels(path, batch, row) for row, batch in _batches(file, columns, _ROWS_PER_BATCH)]
    return Dataset(np.concatenate(images), labels, path.name)


def image_columns(path: Path | str, schema: Any) -> list[str]:
    """Return the columns that hold the images. Raises InkdigitError where one is missing or appears twice."""
    names: list[str] = schema.names
    wanted = [IMAGE] if IMAGE in names else PIXELS
    missing = next((name for name in wanted if names.count(name) != 1), None)
    if missing:
        problem, code = ("appears twice", "repeated") if missing in names else ("is missing", "missing")
        needed = "label and pixel0 to pixel783 as Kaggle's, or image and label as Hugging Face's"
        raise InkdigitError(
            f"{path}: the column {missing} {problem}; what is read is {needed}.", code=f"parquet-column-{code}"
        )
    return wanted


def holds_pictures(schema: Any) -> bool:
    """Whether the images are picture files rather than numbers."""
    from pyarrow import types

    return IMAGE in schema.names and not any(
        kind(schema.field(IMAGE).type) for kind in (types.is_fixed_size_list, types.is_list, types.is_large_list)
    )


def pixels(path: Path | str, batch: Any, first: int) -> NDArray[np.uint8]:
    """Convert rows of numbers to images, (N, 28, 28) uint8.

    Args:
        path: the file, for errors.
        batch: a record batch with the columns of `image_columns`.
        first: the number of the first row in the file, for errors.

    Raises:
        InkdigitError: a cell is not a pixel; the sentence names row and column.
    """
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
        raise InkdigitError(f"{path}, row {first + place}, column {IMAGE}: {problem}.", code="shape-invalid")
    flat = column.flatten()
    if flat.null_count:
        row, pixel = divmod(flat.is_null().to_pylist().index(True), len(PIXELS))
        problem = f"pixel{pixel} is blank"
        raise InkdigitError(f"{path}, row {first + row}, column {IMAGE}: {problem}.", code="pixel-invalid")
    return flat.to_numpy(zero_copy_only=False).reshape(-1, len(PIXELS))


def pictures(path: Path | str, batch: Any, first: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the picture file in each row. Raises InkdigitError with the row."""
    for row, cell in enumerate(batch.column(IMAGE).to_pylist(), start=first):
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if not isinstance(content, bytes):
            problem = "this is not the content of a picture file"
            raise InkdigitError(f"{path}, row {row}, column {IMAGE}: {problem}.", code="type-invalid")
        yield f"{path}, row {row}", content


def _numbers(path: Path | str, batch: Any, name: str, first: int) -> NDArray[Any]:
    column = batch.column(name)
    if column.null_count:
        row = first + column.is_null().to_pylist().index(True)
        code = "label-invalid" if name == LABEL else "pixel-invalid"
        raise InkdigitError(f"{path}, row {row}, column {name}: the cell is blank.", code=code)
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind not in "buif":
        problem = f"holds values of type {column.type}: whole numbers are needed"
        raise InkdigitError(f"{path}, column {name} {problem}.", code="type-invalid")
    return values


def _batches(file: Any, columns: list[str], rows: int) -> Iterator[tuple[int, Any]]:
    """Yield batches of these columns, each with the number of its first row, counted from 1."""
    first = 1
    for batch in file.iter_batches(rows, columns=columns):
        yield first, batch
        first += len(batch)
