"""Parquet: columns as Kaggle's (label, pixel0 to pixel783), or an image and its label, as Hugging Face's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from inkdigit.utils.files import reading

IMAGES, LABELS = (
    ("image", "img", "pixels"),
    (LABEL, "target", "class", "digit"),
)  # names of columns, the likeliest first

# Rows held at once: 785 numbers each, or a picture file each, which may be a photo.
_ROWS_PER_BATCH, _PICTURES_PER_BATCH = 8192, 64


def read_shards(files: Sequence[Path], source: str) -> Dataset:
    """Read several files, whose rows follow each other. Raises InkdigitError as `read_parquet`, or `labels-mismatched`.

    Args:
        files: the files, in order.
        source: what the set is called.
    """
    parts: list[Dataset] = []
    for file in files:
        with reading(file):
            parts.append(read_parquet(file))
    labels = [part.labels for part in parts if part.labels is not None]
    if labels and len(labels) != len(parts):
        lacking = next(file for file, part in zip(files, parts, strict=True) if part.labels is None)
        raise InkdigitError(f"{lacking} has no labels, and other files beside it have.", code="labels-mismatched")
    images = np.concatenate([part.images for part in parts])
    check_count(len(images), source)
    return Dataset(images, np.concatenate(labels) if labels else None, source)


def read_parquet(path: Path) -> Dataset:
    """Read the rows, with labels where the file has a column of them. Other columns are ignored.

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
    if label := _first_of(LABELS, file.schema_arrow):
        parts = [
            to_labels(_values(path, batch, label, row, "label-invalid"), f"{path}, column {label}", row)
            for row, batch in _batches(file, [label], _ROWS_PER_BATCH)
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
    image = _first_of(IMAGES, schema)
    wanted = [image] if image else PIXELS
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
    image = _first_of(IMAGES, schema)
    return image is not None and not _is_list(schema.field(image).type)


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind)


def _first_of(names: Sequence[str], schema: Any) -> str | None:
    """The first of some names that a column has."""
    return next((name for name in names if name in schema.names), None)


def pixels(path: Path | str, batch: Any, first: int) -> NDArray[np.uint8]:
    """Convert rows of numbers to images, (N, 28, 28) uint8.

    Args:
        path: the file, for errors.
        batch: a record batch with the columns of `image_columns`.
        first: the number of the first row in the file, for errors.

    Raises:
        InkdigitError: a cell is not a pixel; the sentence names row and column.
    """
    if image := _first_of(IMAGES, batch.schema):
        return to_images(_lists(path, batch.column(image), image, first), f"{path}, column {image}", first)
    columns = [_values(path, batch, name, first, "pixel-invalid") for name in PIXELS]
    for name, values in zip(PIXELS, columns, strict=True):
        if values.dtype.kind not in "buif":
            problem = f"holds values of type {batch.column(name).type}: whole numbers are needed"
            raise InkdigitError(f"{path}, column {name} {problem}.", code="type-invalid")
    return to_images(np.column_stack(columns), str(path), first)


def _lists(path: Path | str, column: Any, name: str, first: int) -> NDArray[Any]:
    """A column of 784 numbers each, or of 28 lists of 28 -> (N, 784), without a copy where it has no gaps."""
    if _is_list(column.type.value_type):
        rows = _flat(path, column, name, first, 1, 28)
        flat = _flat(path, rows, name, first, 28, 28)
    else:
        flat = _flat(path, column, name, first, 1, len(PIXELS))
    if flat.null_count:
        row, pixel = divmod(flat.is_null().to_pylist().index(True), len(PIXELS))
        problem = f"pixel{pixel} is blank"
        raise InkdigitError(f"{path}, row {first + row}, column {name}: {problem}.", code="pixel-invalid")
    return flat.to_numpy(zero_copy_only=False).reshape(-1, len(PIXELS))


def _flat(path: Path | str, lists: Any, name: str, first: int, per_row: int, length: int) -> Any:
    """The values of lists, `per_row` of them for each row of the file. Raises InkdigitError for another length."""
    from pyarrow import compute

    pc: Any = compute  # its functions are made when it is imported
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    if np.any(lengths != length):
        place = int(np.argmax(lengths != length))
        problem = f"{lengths[place]} values, and an image has 784, or 28 lists of 28"
        row = first + place // per_row
        raise InkdigitError(f"{path}, row {row}, column {name}: {problem}.", code="shape-invalid")
    return lists.flatten()


def pictures(path: Path | str, batch: Any, first: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the picture file in each row. Raises InkdigitError with the row."""
    (name,) = image_columns(path, batch.schema)
    for row, cell in enumerate(batch.column(name).to_pylist(), start=first):
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if not isinstance(content, bytes):
            problem = "this is not the content of a picture file; save the files' bytes with the table, not their paths"
            raise InkdigitError(f"{path}, row {row}, column {name}: {problem}.", code="type-invalid")
        yield f"{path}, row {row}", content


def _values(path: Path | str, batch: Any, name: str, first: int, blank_code: str) -> NDArray[Any]:
    """A column as it stands. Raises InkdigitError, with the code `blank_code`, for an empty cell."""
    from pyarrow import types

    column = batch.column(name)
    if column.null_count:
        row = first + column.is_null().to_pylist().index(True)
        raise InkdigitError(f"{path}, row {row}, column {name}: the cell is blank.", code=blank_code)
    column = column.dictionary_decode() if types.is_dictionary(column.type) else column
    return column.to_numpy(zero_copy_only=False)


def _batches(file: Any, columns: list[str], rows: int) -> Iterator[tuple[int, Any]]:
    """Yield batches of these columns, each with the number of its first row, counted from 1."""
    first = 1
    for batch in file.iter_batches(rows, columns=columns):
        yield first, batch
        first += len(batch)
