"""Each input of a collection has its row: the model's prediction, or an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from inkdigit.bulk.collection import Collection
from inkdigit.bulk.predictions import Layout, Options, Predictor
from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from inkdigit.utils.limits import Limits
from tests.bulk.conftest import files_of, find, lists
from tests.conftest import part
from tests.data import formats
from tests.pages import file, page


def predicted(found: Collection, model: bytes, layout: Layout = "rows") -> Any:
    predictor = Predictor(found.folder, model, Options(layout, probabilities=True), Limits())
    return pa.concat_tables([predictor.predict(part) for part in found.parts])


def faces(folder: Path, digits: Dataset) -> Path:
    parquet.write_table(pa.table({"image": list(map(formats.png, digits.images))}), folder / "digits.parquet")
    return folder / "digits.parquet"


WRITERS = [formats.parquet, lists, faces, formats.csv, formats.csv_gz, formats.idx, formats.idx_gz]


@pytest.mark.parametrize("write", WRITERS)
def test_rows_of_every_format_have_the_models_predictions(
    write: formats.Writer, few: Dataset, model: bytes, tmp_path: Path
):
    source = write(tmp_path, few)
    table = predicted(find(source), model)
    expected = Recognizer(model).predict_proba(few.images)
    np.testing.assert_allclose(np.stack(table["probabilities"].to_numpy()), expected, atol=1e-6)
    assert table["digit"].to_pylist() == expected.argmax(axis=1).tolist()
    np.testing.assert_allclose(table["confidence"].to_numpy(), expected.max(axis=1), atol=1e-6)
    assert table["row"].to_pylist() == [*range(1, 301)]
    assert set(table["file"].to_pylist()) == {source.name}
    assert table["error"].null_count == 300


def test_all_rows_after_the_damage_of_a_file_have_that_error(few: Dataset, model: bytes, tmp_path: Path):
    whole = formats.idx_gz(tmp_path, few)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    found = find(whole)
    table = predicted(found, model)
    assert table["row"].to_pylist() == [*range(1, 301)]
    assert all("is damaged" in str(error) for error in table["error"].to_pylist())
    assert table["digit"].null_count == table["probabilities"].null_count == 300


@pytest.mark.parametrize("case", ["cut", "altered", "overlong", "short"])
def test_rows_before_the_damage_have_their_predictions(
    case: str, real_digits: Dataset, model: bytes, tmp_path: Path, part_rows: int
):
    """A row stands for the others."""
    many = part(real_digits, slice(part_rows + 300), labelled=False)
    if case == "short":
        whole = formats.idx(tmp_path, many)
        whole.write_bytes(whole.read_bytes()[:-1])
    elif case == "overlong":
        whole = formats.csv(tmp_path, many)
        with whole.open("ab") as stream:
            stream.write(b"1" * (3 << 20))
    else:
        whole = formats.csv_gz(tmp_path, many)
        content = whole.read_bytes()[:-9]
        whole.write_bytes(content if case == "cut" else content[:-9000] + bytes(9000))
    found = find(whole)
    table = predicted(found, model)
    rows, errors = table["row"].to_pylist(), table["error"].to_pylist()
    assert rows == [*range(1, len(rows) + 1)]
    assert part_rows < len(rows) - 1 <= part_rows + 300
    assert errors[:-1] == [None] * (len(rows) - 1)
    sentence = {"overlong": f"line {part_rows + 302}, is too long", "short": "ends before the"}.get(case, "is damaged")
    assert sentence in errors[-1]
    expected = Recognizer(model).predict(many.images[: len(rows) - 1])
    assert table["digit"].to_pylist()[:-1] == expected.tolist()


def test_a_file_that_cannot_be_read_at_all_is_one_row(real_digits: Dataset, model: bytes, tmp_path: Path):
    source = files_of(real_digits, tmp_path / "source", 2, 10)
    (source / "00b.parquet").write_bytes(b"PAR1 and nothing more")
    (source / "words.dat").write_bytes(b"\0\1\2")
    (source / "_SUCCESS").touch()
    (source / "notes.md").touch()
    table = predicted(find(source), model)
    errors = {row["file"]: row["error"] for row in table.to_pylist() if row["error"]}
    assert len(table) == 22
    assert errors.keys() == {"00b.parquet", "words.dat"}
    assert "is damaged" in errors["00b.parquet"]
    assert "in none of the formats" in errors["words.dat"]


def test_a_file_that_goes_away_is_the_error_of_each_row(few: Dataset, model: bytes, tmp_path: Path):
    found = find(lists(tmp_path, few))
    (tmp_path / "digits.parquet").unlink()
    errors = predicted(found, model)["error"].to_pylist()
    assert len(set(errors)) == 1
    assert errors[0].startswith("digits.parquet ")


def test_links_are_the_files_they_name(real_digits: Dataset, model: bytes, tmp_path: Path):
    elsewhere = files_of(real_digits, tmp_path / "elsewhere", 1, 10)
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").symlink_to(next(elsewhere.glob("*/*")))
    (source / "b").symlink_to(tmp_path / "nothing")
    (source / "circle").symlink_to(source)
    rows = predicted(find(source), model).to_pylist()
    assert [row["file"] for row in rows] == 10 * ["a"] + ["b"]
    assert [bool(row["error"]) for row in rows] == 10 * [False] + [True]


@pytest.fixture(scope="module")
def pictures(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages, a document of two, two pictures that are none, a blank one, and a note."""
    pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "below").mkdir()
    (folder / "a.png").write_bytes(file("PNG", page(real_digits, "052\n185")))
    (folder / "below" / "b.jpg").write_bytes(file("JPEG", page(real_digits, "27")))
    (folder / "c.pdf").write_bytes(file("PDF", page(real_digits, "314"), (page(real_digits, "9"),), resolution=200))
    (folder / "d.png").write_text("Dear all")
    (folder / "e.png").write_bytes(file("PNG", page(real_digits, "1"))[:200])
    (folder / "f.png").write_bytes(file("PNG", Image.new("L", (80, 80), 255)))
    (folder / "labels.csv").write_text("file,label\na.png,0\n")
    (folder / os.fsdecode(b"g\xff.png")).write_text("no text that is UTF-8 names this")
    return folder


def test_each_picture_and_page_has_a_row(pictures: Path, model: bytes):
    table = predicted(find(pictures), model, "page").to_pylist()
    assert [(row["file"], row["page"]) for row in table] == [
        *(("a.png", None), ("below/b.jpg", None), ("c.pdf", 1), ("c.pdf", 2)),
        *(("d.png", None), ("e.png", None), ("f.png", None), ("g\\udcff.png", None)),
    ]
    first, *_, letter, damaged, blank, unnameable = table
    assert [len(line["digits"]) for line in first["lines"]] == [3, 3]
    assert first["text"] == "\n".join(line["text"] for line in first["lines"])
    assert {"digit", "confidence", "probabilities", "box"} == first["lines"][0]["digits"][0].keys()
    assert letter["error"].startswith("d.png ")
    assert damaged["error"].startswith("e.png ")
    assert unnameable["error"].startswith(r"g\udcff.png ")
    assert (letter["text"], damaged["lines"]) == (None, None)
    assert (blank["text"], blank["lines"], blank["error"]) == ("", [], None)


def test_pictures_of_one_digit_each_are_read_as_prepared(real_digits: Dataset, model: bytes, tmp_path: Path):
    for number, image in enumerate(real_digits.images[:20]):
        (tmp_path / f"{number:02d}.png").write_bytes(formats.png(image))
    (tmp_path / "20.png").write_bytes(file("PNG", Image.new("L", (80, 80), 255)))
    table = predicted(find(tmp_path), model, "single")
    expected = Recognizer(model).predict(real_digits.images[:20]).tolist()
    assert table["digit"].to_pylist() == [*expected, None]
    assert table["error"].to_pylist()[-1].startswith("20.png ")
