"""Parquet: Kaggle's columns, Hugging Face's pictures; errors name row and column."""

from __future__ import annotations

import re
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
    many = Dataset(np.resize(IMAGES, (9000, 28, 28)), np.resize(LABELS, 9000), "many")
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


BAD: dict[str, tuple[Callable[[], Columns], str, str]] = {
    "blank pixel": (cell("pixel9", 3, None), "pixel-invalid", "row 3, column pixel9"),
    "blank label": (cell("label", 3, None), "label-invalid", "row 3, column label"),
    "fraction": (cell("pixel9", 3, 0.5), "pixel-invalid", "image 3, pixel9: 0.5"),
    "pixel over 255": (cell("pixel9", 3, 256), "pixel-invalid", "image 3, pixel9: 256"),
    "hidden label": (cell("label", 3, -1), "label-invalid", "column label, label 3: -1"),
    "text": (lambda: {**kaggles(), "pixel9": ["a"] * 6}, "type-invalid", "column pixel9"),
    "column missing": (lambda: {"label": LABELS, "pixel0": LABELS}, "parquet-column-missing", "column pixel1"),
    "other columns": (
        lambda: {"name": ["Ada"], "age": [36]},
        "parquet-column-missing",
        "column pixel0",
    ),
    "no rows": (lambda: {name: values[:0] for name, values in kaggles().items()}, "images-missing", "digits.parquet"),
    "no picture": (cell("image", 3, {"bytes": None, "path": "3.png"}), "type-invalid", "row 3, column image"),
    "list too short": (
        lambda: {"image": [[0] * 784, [0] * 783]},
        "shape-invalid",
        "row 2, column image: 783",
    ),
    "no list": (lambda: {"image": [[0] * 784, None]}, "shape-invalid", "row 2, column image: 0"),
    "blank in a list": (
        lambda: {"image": [[0] * 784, [0, None] * 392]},
        "pixel-invalid",
        "row 2, column image: pixel1",
    ),
    "list of text": (lambda: {"image": [["a"] * 784]}, "type-invalid", "column image"),
    "list over 255": (
        lambda: {"image": [[0] * 784, [256] * 784]},
        "pixel-invalid",
        "column image, image 2, pixel0: 256",
    ),
    "number for a picture": (lambda: {"image": LABELS}, "type-invalid", "row 1, column image"),
}


@pytest.mark.parametrize("case", BAD)
def test_anything_else_is_refused(tmp_path: Path, case: str):
    columns, code, place = BAD[case]
    path = save(tmp_path / "digits.parquet", columns())
    with refused(code, path, place):
        read_parquet(path)


def test_a_damaged_picture_is_refused_naming_its_row(tmp_path: Path):
    path = save(tmp_path / "digits.parquet", cell("image", 3, {"bytes": png(IMAGES[0])[:90], "path": None})())
    with pytest.raises(InkdigitError, match=re.escape(f"{path}, row 3")):
        read_parquet(path)


def test_a_repeated_column_is_refused(tmp_path: Path):
    table = pa.table(faces())
    pq.write_table(table.append_column("image", table.column("image")), tmp_path / "digits.parquet")
    with refused("parquet-column-repeated", "column image"):
        read_parquet(tmp_path / "digits.parquet")


def test_more_rows_than_are_read_are_refused_unread(tmp_path: Path):
    path = save(tmp_path / "digits.parquet", {"label": np.zeros(validation.MAX_IMAGES + 1, np.uint8)})
    with refused("images-too-many", path, "1,000,001"):
        read_parquet(path)


def test_damage_anywhere_is_an_error_with_a_reason(tmp_path: Path, rng: np.random.Generator):
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
            # `inkdigit.utils.files.reading` turns the last two into an InkdigitError.
            continue


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = save(tmp_path / "digits.parquet", faces())
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    with refused("extra-missing", path, "inkdigit[parquet]"):
        read_parquet(path)
