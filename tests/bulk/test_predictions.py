"""Collections of every kind, and what is wrong with them: each input has its row, the others their answers."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from inkdigit.bulk import collection
from inkdigit.bulk.collection import ROWS, Collection
from inkdigit.bulk.destination import Destination, Tries
from inkdigit.bulk.place import Place, UnreachableError, place, told
from inkdigit.bulk.predictions import Answerer, Layout, Options
from inkdigit.bulk.rows import Rows
from inkdigit.bulk.worker import Work, Worker
from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.recognizer import Recognizer
from tests.bulk.conftest import files_of
from tests.conftest import part
from tests.data import formats
from tests.pages import file, page

ELSEWHERE = place("memory://answers")


def find(source: object) -> Collection:
    return collection.find(str(source), ELSEWHERE)


@pytest.fixture(scope="module")
def model(linear_run: Path) -> bytes:
    return (linear_run / "model.onnx").read_bytes()


@pytest.fixture(scope="module")
def few(real_digits: Dataset) -> Dataset:
    return part(real_digits, slice(300))


def answered(found: Collection, model: bytes, layout: Layout = "rows") -> Any:
    answerer = Answerer(found.folder, model, Options(layout, probabilities=True))
    return pa.concat_tables([answerer.answer(part) for part in found.parts])


def lists(folder: Path, digits: Dataset) -> Path:
    images = pa.FixedSizeListArray.from_arrays(pa.array(digits.images.reshape(-1)), 784)
    parquet.write_table(pa.table({"image": images}), folder / "digits.parquet", row_group_size=70)
    return folder / "digits.parquet"


def faces(folder: Path, digits: Dataset) -> Path:
    parquet.write_table(pa.table({"image": list(map(formats.png, digits.images))}), folder / "digits.parquet")
    return folder / "digits.parquet"


WRITERS = [formats.parquet, lists, faces, formats.csv, formats.csv_gz, formats.idx, formats.idx_gz]


@pytest.mark.parametrize("write", WRITERS)
def test_rows_of_every_format_have_the_models_answers(
    write: formats.Writer, few: Dataset, model: bytes, tmp_path: Path
):
    source = write(tmp_path, few)
    table = answered(find(source), model)
    expected = Recognizer(model).predict_proba(few.images)
    np.testing.assert_allclose(np.stack(table["probabilities"].to_numpy()), expected, atol=1e-6)
    assert table["digit"].to_pylist() == expected.argmax(axis=1).tolist()
    np.testing.assert_allclose(table["confidence"].to_numpy(), expected.max(axis=1), atol=1e-6)
    assert table["row"].to_pylist() == [*range(1, 301)]
    assert set(table["file"].to_pylist()) == {source.name}
    assert table["error"].null_count == 300


@pytest.mark.parametrize("write", [lists, formats.parquet, formats.csv, formats.csv_gz, formats.idx_gz])
@pytest.mark.parametrize("order", ["as they come", "backwards", "every other"])
def test_parts_of_a_large_file_are_read_in_any_order(
    write: formats.Writer, order: str, real_digits: Dataset, tmp_path: Path
):
    many = Dataset(np.resize(real_digits.images[:3001], (2 * ROWS + 99, 28, 28)), None, "many")
    found = find(write(tmp_path, many))
    assert len(found.parts) >= 3
    parts = {"backwards": found.parts[::-1], "every other": found.parts[::2]}.get(order, found.parts)
    rows = Rows(found.folder)
    for piece in parts:
        blocks = list(rows.read(piece))
        numbers = np.concatenate([block.rows for block in blocks])
        np.testing.assert_array_equal(numbers, np.arange(piece.first, piece.first + piece.rows))
        np.testing.assert_array_equal(np.concatenate([block.images for block in blocks]), many.images[numbers - 1])
    rows.close()


def test_a_row_group_of_any_size_is_cut_into_parts(real_digits: Dataset, tmp_path: Path):
    many = np.resize(real_digits.images, (2 * ROWS + 99, 28, 28))
    images = pa.FixedSizeListArray.from_arrays(pa.array(many.reshape(-1)), 784)
    parquet.write_table(pa.table({"image": images}), tmp_path / "one.parquet", row_group_size=len(many))
    found = find(tmp_path / "one.parquet")
    assert [piece.rows for piece in found.parts] == [10955, 10956, 10956]
    rows = Rows(found.folder)
    read = np.concatenate([block.images for piece in found.parts for block in rows.read(piece)])
    np.testing.assert_array_equal(read, many)


# ---- what is wrong


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_line_of_a_csv_has_its_row_whatever_stands_in_it(data: st.DataObject, few: Dataset):
    lines = b"".join(kaggle_csv.csv_text(part(few, slice(12)))).splitlines()
    bad = data.draw(st.dictionaries(st.integers(1, 12), st.binary(max_size=40).filter(_no_row)))
    for number, content in bad.items():
        lines[number] = content
    system = ELSEWHERE.system
    system.pipe_file("/rows/some.csv", b"\n".join(lines))
    found = find("memory://rows/some.csv")
    rows = {
        int(row): block.errors.get(at) or block.images[at]
        for piece in found.parts
        for block in Rows(found.folder).read(piece)
        for at, row in enumerate(block.rows)
    }
    assert rows.keys() == {row for row in range(1, 13) if lines[row].strip()}
    for row, outcome in rows.items():
        if row in bad:
            assert str(outcome).startswith(f"some.csv, line {row + 1}")
        else:
            np.testing.assert_array_equal(outcome, few.images[row - 1])


def _no_row(line: bytes) -> bool:
    return b"\n" not in line and line.count(b",") != 784


@pytest.mark.parametrize("bad", [[None] * 784, [256] * 784, [0] * 783, None], ids=["blank", "large", "short", "none"])
def test_a_bad_row_of_a_parquet_file_keeps_no_other_from_being_read(bad: Any, few: Dataset, tmp_path: Path):
    images: list[Any] = few.images.reshape(-1, 784).tolist()
    images[41] = images[299] = bad
    parquet.write_table(pa.table({"image": pa.array(images)}), tmp_path / "rows.parquet")
    found = find(tmp_path / "rows.parquet")
    (block,) = Rows(found.folder).read(found.parts[0])
    assert block.errors.keys() == {41, 299}
    assert re.search(r"(row|image) 42\b", block.errors[41])
    others = ~np.isin(np.arange(300), [41, 299])
    np.testing.assert_array_equal(block.images[others], few.images[others])


def test_from_where_a_file_is_damaged_on_each_row_has_that_error(few: Dataset, model: bytes, tmp_path: Path):
    whole = formats.idx_gz(tmp_path, few)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    found = find(whole)
    table = answered(found, model)
    assert table["row"].to_pylist() == [*range(1, 301)]
    assert all("is damaged" in str(error) for error in table["error"].to_pylist())
    assert table["digit"].null_count == table["probabilities"].null_count == 300


@pytest.mark.parametrize("case", ["cut", "altered", "overlong", "short"])
def test_rows_before_the_damage_have_their_answers(case: str, real_digits: Dataset, model: bytes, tmp_path: Path):
    """A row stands for the others."""
    many = Dataset(np.resize(real_digits.images, (ROWS + 300, 28, 28)), None, "many")
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
    table = answered(found, model)
    rows, errors = table["row"].to_pylist(), table["error"].to_pylist()
    assert rows == [*range(1, len(rows) + 1)]
    assert ROWS < len(rows) - 1 <= ROWS + 300
    assert errors[:-1] == [None] * (len(rows) - 1)
    sentence = {"overlong": f"line {ROWS + 302}, is too long", "short": "ends before the"}.get(case, "is damaged")
    assert sentence in errors[-1]
    expected = Recognizer(model).predict(many.images[: len(rows) - 1])
    assert table["digit"].to_pylist()[:-1] == expected.tolist()


def test_a_file_that_cannot_be_read_at_all_is_one_row(real_digits: Dataset, model: bytes, tmp_path: Path):
    source = files_of(real_digits, tmp_path / "source", 2, 10)
    (source / "00b.parquet").write_bytes(b"PAR1 and nothing more")
    (source / "words.dat").write_bytes(b"\0\1\2")
    (source / "_SUCCESS").touch()
    (source / "notes.md").touch()
    table = answered(find(source), model)
    errors = {row["file"]: row["error"] for row in table.to_pylist() if row["error"]}
    assert len(table) == 22
    assert errors.keys() == {"00b.parquet", "words.dat"}
    assert "is damaged" in errors["00b.parquet"]
    assert "in none of the formats" in errors["words.dat"]


def test_links_are_the_files_they_name(real_digits: Dataset, model: bytes, tmp_path: Path):
    elsewhere = files_of(real_digits, tmp_path / "elsewhere", 1, 10)
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").symlink_to(next(elsewhere.glob("*/*")))
    (source / "b").symlink_to(tmp_path / "nothing")
    (source / "circle").symlink_to(source)
    rows = answered(find(source), model).to_pylist()
    assert [row["file"] for row in rows] == 10 * ["a"] + ["b"]
    assert [bool(row["error"]) for row in rows] == 10 * [False] + [True]


def test_a_changed_file_is_noticed_behind_a_link(few: Dataset, tmp_path: Path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "link").symlink_to(lists(tmp_path, few))
    found = find(tmp_path / "source")
    os.utime(tmp_path / "digits.parquet", ns=(1, 1))
    assert find(tmp_path / "source").fingerprint != found.fingerprint


def test_a_source_where_the_answers_go_is_refused(few: Dataset, tmp_path: Path):
    lists(tmp_path, few)
    with pytest.raises(InkdigitError, match=r"lies in .*, where the answers go"):
        collection.find(str(tmp_path / "digits.parquet"), place(str(tmp_path)))


def test_a_file_that_goes_away_is_told_in_each_row(few: Dataset, model: bytes, tmp_path: Path):
    found = find(lists(tmp_path, few))
    (tmp_path / "digits.parquet").unlink()
    errors = answered(found, model)["error"].to_pylist()
    assert errors == 300 * ["digits.parquet does not exist: check the name and the folder."]


REFUSED = {
    "missing": "does not exist: check the name",
    "empty": "holds no files",
    "labels": "holds labels: name the images' file",
    "zip": "is in none of the formats that are read",
    "header": "line 1: this is not Kaggle's header",
    "huge": "ends before the 4,000,000,000 that its header announces",
    "notes": "holds neither digits nor pictures",
    "line": "line 2, is too long for a row",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_holds_nothing_to_answer_is_refused(case: str, few: Dataset, tmp_path: Path):
    source = tmp_path / case
    header = b",".join(name.encode() for name in kaggle_csv.PIXELS)
    contents = {
        "labels": struct.pack(">II", 2049, 3) + bytes(3),
        "zip": formats.csv_zip(tmp_path, few).read_bytes(),
        "header": b"a,b\n1,2\n",
        "huge": struct.pack(">IIII", 2051, 4 * 10**9, 28, 28) + bytes(783),
        "line": header + b"\n" + b"1" * (3 << 20),
    }
    if case in contents:
        source.write_bytes(contents[case])
    elif case != "missing":
        source.mkdir()
        if case == "notes":
            (source / "notes.md").touch()
    with pytest.raises(InkdigitError, match=REFUSED[case]):
        find(source)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nowhere://a", "is on no file system that can be reached"),
        ("dir:///a", "is on no file system that can be reached"),
        ("ftp://127.0.0.1:1/a", r"is on no file system that can be reached \(.*refused\): give a path"),
        ("gs://bucket/a", "needs a package more: pip install gcsfs"),
    ],
)
def test_file_systems_that_are_not_there_are_told(url: str, sentence: str):
    with pytest.raises(InkdigitError, match=sentence):
        find(url)


# ---- pictures


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
    table = answered(find(pictures), model, "page").to_pylist()
    assert [(row["file"], row["page"]) for row in table] == [
        *(("a.png", None), ("below/b.jpg", None), ("c.pdf", 1), ("c.pdf", 2)),
        *(("d.png", None), ("e.png", None), ("f.png", None), ("g\\udcff.png", None)),
    ]
    first, *_, letter, damaged, blank, unnameable = table
    assert [len(line["digits"]) for line in first["lines"]] == [3, 3]
    assert first["text"] == "\n".join(line["text"] for line in first["lines"])
    assert {"digit", "confidence", "probabilities", "box"} == first["lines"][0]["digits"][0].keys()
    assert letter["error"].startswith("d.png is not a picture of a kind that is read")
    assert damaged["error"].startswith("e.png is a damaged picture")
    assert unnameable["error"].startswith(r"g\udcff.png is not a picture")
    assert (letter["text"], damaged["lines"]) == (None, None)
    assert (blank["text"], blank["lines"], blank["error"]) == ("", [], None)


def test_pictures_of_one_digit_each_are_read_as_prepared(real_digits: Dataset, model: bytes, tmp_path: Path):
    for number, image in enumerate(real_digits.images[:20]):
        (tmp_path / f"{number:02d}.png").write_bytes(formats.png(image))
    (tmp_path / "20.png").write_bytes(file("PNG", Image.new("L", (80, 80), 255)))
    table = answered(find(tmp_path), model, "single")
    expected = Recognizer(model).predict(real_digits.images[:20]).tolist()
    assert table["digit"].to_pylist() == [*expected, None]
    assert "shows no ink" in table["error"].to_pylist()[-1]


def test_a_pattern_chooses_among_the_files(pictures: Path):
    assert [piece.files for piece in find(f"{pictures}/[ad].png").parts] == [("a.png",), ("d.png",)]
    assert [piece.files for piece in find(f"{pictures}/**/*.jpg").parts] == [("below/b.jpg",)]


# ---- elsewhere than on this machine


def test_source_and_answers_may_lie_on_any_file_system(few: Dataset, model: bytes, tmp_path: Path):
    system = ELSEWHERE.system
    stream = io.BytesIO()
    parquet.write_table(parquet.read_table(lists(tmp_path, few)), stream)
    system.pipe_file("/digits/a.parquet", stream.getvalue())
    system.pipe_file("/digits/b.csv.gz", gzip.compress(b"".join(kaggle_csv.csv_text(few))))
    destination = Destination.at("memory://digits/answers")
    found = collection.find("memory://digits", destination.folder)
    with destination.claimed({"identity": {"source": found.fingerprint}}, model):
        worker = Worker(Work(found.folder, destination, Options("rows", probabilities=False)))
        parts = random.Random(0).sample(found.parts, len(found.parts))
        assert sum(worker.do(part).rows for part in parts) == 600
        assert worker.do(parts[0]).rows == parts[0].rows  # it is there, and is not done again
    assert destination.finished() == {part.number for part in found.parts}
    assert collection.find("memory://digits", destination.folder) == found
    with system.open("/digits/answers/part-00000000.parquet", "rb") as answer:
        assert parquet.read_table(answer)["digit"].null_count == 0


def test_folders_that_are_objects_are_no_files(few: Dataset, model: bytes, tmp_path: Path):
    """S3's console makes them so."""
    system = ELSEWHERE.system
    system.pipe_file("/console/in/digits.parquet", lists(tmp_path, few).read_bytes())
    for name in ("/console/in/", "/console/in/empty/", "/console/out/"):
        system.store[name] = MemoryFile(system, name, b"")
    destination = Destination.at("memory://console/out")
    found = collection.find("memory://console/in", destination.folder)
    assert [piece.files for piece in found.parts] == [("digits.parquet",)]
    with destination.claimed({"identity": {}}, model):
        assert destination.finished() == set()


class _Undeletable(MemoryFileSystem):
    def rm(self, path: Any, *_: Any, **__: Any) -> None:
        raise PermissionError(path)


def test_where_nothing_may_be_deleted_each_job_begins_to_count_anew(few: Dataset, model: bytes, tmp_path: Path):
    destination = Destination(Place(_Undeletable(), "/undeletable"))
    found = find(lists(tmp_path, few))
    with destination.claimed({"identity": {}}, model):
        destination.note(0, Tries(2))
    with destination.claimed({"identity": {}}, model):
        assert destination.tries(0) == Tries()
        Worker(Work(found.folder, destination, Options("rows", probabilities=False))).do(found.parts[0])
    assert destination.counted(0) == (300, 0)


@pytest.mark.parametrize("host", ["this one", "another"])
def test_a_file_that_is_only_on_another_machine_makes_no_answers(host: str, few: Dataset, model: bytes, tmp_path: Path):
    """The machine that has listed the files knows that one of them went away."""
    (tmp_path / "digits").mkdir()
    found = find(lists(tmp_path / "digits", few))
    destination = Destination.at(str(tmp_path / "out"))
    work = Work(found.folder, destination, Options("rows", probabilities=False))
    with destination.claimed({"identity": {}}, model):
        (tmp_path / "digits" / "digits.parquet").unlink()
        if host == "this one":
            assert Worker(work).do(found.parts[0]).errors == 300
            return
        with pytest.raises(InkdigitError, match=r"digits\.parquet is not seen from"):
            Worker(replace(work, host="another")).do(found.parts[0])
    assert destination.finished() == set()


@pytest.mark.parametrize("error", [TimeoutError("late"), ConnectionResetError(104, "late"), OSError(5, "late")])
def test_a_connection_that_fails_is_no_answer(error: OSError):
    """It ends the job, which can go on later; on a disk of this machine it is the file that has the fault."""
    unreached = r"^a\.csv cannot be reached \(late\): the same command goes on\.$"
    with pytest.raises(UnreachableError, match=unreached), told("a.csv", local=False):
        raise error
    with pytest.raises(InkdigitError, match=r"^a\.csv .*\(late\)"), told("a.csv", local=True):
        raise error
