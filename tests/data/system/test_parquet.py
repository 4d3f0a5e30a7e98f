"""Parquet: Kaggle's columns, Hugging Face's pictures, and what is wrong told by row and column."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inkdigit.data import validation
from inkdigit.data.dataset import Dataset
from inkdigit.data.parquet import read_parquet
from inkdigit.errors import InkdigitError
from tests.data.formats import PIXELS, parquet, png
from tests.errors import refused

Columns = dict[str, Any]

IMAGES = np.pad(np.random.default_rng(0).integers(0, 256, (6, 19, 19), np.uint8), ((0, 0), (5, 4), (5, 4)))
LABELS = np.array([4, 0, 9, 1, 7, 7])


def kaggles() -> Columns:
    return {"label": LABELS, **dict(zip(PIXELS, IMAGES.reshape(6, 784).T.astype(np.int64), strict=True))}


def faces() -> Columns:
    return {"image": [{"bytes": png(image), "path": None} for image in IMAGES], "label": LABELS}


def lists(kind: Any, images: np.ndarray = IMAGES) -> Columns:
    return {"image": pa.array(list(images.reshape(-1, 784)), kind), "label": LABELS}


def save(path: Path, columns: Columns) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_rows_are_read_across_batches(tmp_path: Path):
    many = Dataset(np.resize(IMAGES, (20_000, 28, 28)), np.resize(LABELS, 20_000), "many")
    assert read_parquet(parquet(tmp_path, many)).fingerprint == many.fingerprint


FORMS: dict[str, Callable[[], Columns]] = {
    "bytes": lambda: {name: np.asarray(values, np.uint8) for name, values in kaggles().items()},
    "floats": lambda: {name: np.asarray(values, float) for name, values in kaggles().items()},
    "in another order": lambda: dict(reversed(kaggles().items())),
    "more columns": lambda: {"writer": ["a"] * 6, **kaggles()},
    "lists of one length": lambda: lists(pa.list_(pa.uint8(), 784)),
    "lists of any length": lambda: lists(pa.list_(pa.float32())),
    "picture files without a path": lambda: {**faces(), "image": [cell["bytes"] for cell in faces()["image"]]},
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_mean_the_same_are_the_same(tmp_path: Path, form: str):
    digits = read_parquet(save(tmp_path / "digits.parquet", FORMS[form]()))
    np.testing.assert_array_equal(digits.images, IMAGES)
    np.testing.assert_array_equal(digits.required_labels, LABELS)


def cell(name: str, row: int, value: object) -> Callable[[], Columns]:
    def columns() -> Columns:
        table = faces() if name == "image" else kaggles()
        return {**table, name: [*table[name][: row - 1], value, *table[name][row:]]}

    return columns


BAD: dict[str, tuple[Callable[[], Columns], str]] = {
    "blank pixel": (cell("pixel9", 3, None), "row 3, column pixel9: the cell is blank"),
    "blank label": (cell("label", 3, None), "row 3, column label: the cell is blank"),
    "fraction": (cell("pixel9", 3, 0.5), "image 3, pixel9: 0.5 is not a whole number from 0 to 255"),
    "pixel over 255": (cell("pixel9", 3, 256), "image 3, pixel9: 256 is not a whole number from 0 to 255"),
    "hidden label": (cell("label", 3, -1), "column label, label 3: -1 is not a digit"),
    "text": (lambda: {**kaggles(), "pixel9": ["a"] * 6}, "column pixel9 holds values of type string"),
    "column missing": (lambda: {"label": LABELS, "pixel0": LABELS}, "the column pixel1 is missing"),
    "other columns": (
        lambda: {"name": ["Ada"], "age": [36]},
        "the column pixel0 is missing; what is read is label and",
    ),
    "no rows": (lambda: {name: values[:0] for name, values in kaggles().items()}, "holds no images"),
    "no picture": (cell("image", 3, {"bytes": None, "path": "3.png"}), "row 3, column image: this is not the content"),
    "damaged picture": (cell("image", 3, {"bytes": png(IMAGES[0])[:90], "path": None}), "row 3 is a damaged picture"),
    "list too short": (
        lambda: {"image": [[0] * 784, [0] * 783]},
        "row 2, column image: 783 values, and an image has 784",
    ),
    "no list": (lambda: {"image": [[0] * 784, None]}, "row 2, column image: 0 values, and an image has 784"),
    "blank in a list": (lambda: {"image": [[0] * 784, [0, None] * 392]}, "row 2, column image: pixel1 is blank"),
    "list of text": (lambda: {"image": [["a"] * 784]}, "column image holds values of type"),
    "list over 255": (lambda: {"image": [[0] * 784, [256] * 784]}, "column image, image 2, pixel0: 256 is not"),
    "number for a picture": (lambda: {"image": LABELS}, "row 1, column image: this is not the content"),
}


@pytest.mark.parametrize("case", BAD)
def test_anything_else_is_told(tmp_path: Path, case: str):
    columns, sentence = BAD[case]
    path = save(tmp_path / "digits.parquet", columns())
    with pytest.raises(InkdigitError, match=sentence) as raised:
        read_parquet(path)
    assert str(raised.value).startswith(str(path))


def test_a_column_twice_is_told(tmp_path: Path):
    table = pa.table(faces())
    pq.write_table(table.append_column("image", table.column("image")), tmp_path / "digits.parquet")
    with pytest.raises(InkdigitError, match="the column image is there twice"):
        read_parquet(tmp_path / "digits.parquet")


def test_more_rows_than_are_read_are_refused_unread(tmp_path: Path):
    path = save(tmp_path / "digits.parquet", {"label": np.zeros(validation.LARGEST + 1, np.uint8)})
    with pytest.raises(InkdigitError, match="holds 1,000,001 images, and at most 1,000,000 are read"):
        read_parquet(path)


def test_damage_anywhere_is_no_traceback(tmp_path: Path, rng: np.random.Generator):
    path = save(tmp_path / "digits.parquet", faces())
    whole = path.read_bytes()
    for _ in range(60):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 5):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        try:
            read_parquet(path)
        except (InkdigitError, ValueError, OSError):
            # `inkdigit.utils.files.reading` makes sentences of the last two.
            continue


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = save(tmp_path / "digits.parquet", faces())
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    with refused("extra-missing", path, "inkdigit[parquet]"):
        read_parquet(path)
