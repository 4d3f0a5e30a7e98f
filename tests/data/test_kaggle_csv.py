"""Kaggle's files: what is read, what is refused, what is written."""

import gzip
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.data.kaggle_csv import read_csv, write_csv, write_submission
from inkdigit.errors import InkdigitError
from tests.damage import damaged_copies
from tests.errors import refused

ROWS = 5
PIXELS = [f"pixel{i}" for i in range(784)]

Cells = list[list[str]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INKDIGIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "csv"


@pytest.fixture
def digits() -> Dataset:
    random = np.random.default_rng(0)
    return Dataset(random.integers(0, 256, (ROWS, 28, 28), np.uint8), random.integers(0, 10, ROWS), "some")


def table(digits: Dataset) -> Cells:
    """The digits as text cells, header first, made without the code under test."""
    labels = [] if digits.labels is None else digits.labels.tolist()
    rows = [[str(value) for value in image.ravel().tolist()] for image in digits.images]
    if digits.labels is None:
        return [PIXELS, *rows]
    return [["label", *PIXELS], *([str(label), *row] for label, row in zip(labels, rows, strict=True))]


def text(cells: Cells, line_end: str = "\n") -> bytes:
    return "".join(",".join(row) + line_end for row in cells).encode()


def zipped(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)


def test_the_file_written_is_kaggles(tmp_path: Path, digits: Dataset):
    write_csv(tmp_path / "train.csv", digits)
    assert (tmp_path / "train.csv").read_bytes() == text(table(digits))


@pytest.mark.parametrize("labelled", [True, False])
def test_what_is_written_is_read_back(tmp_path: Path, digits: Dataset, labelled: bool):
    written = digits if labelled else Dataset(digits.images, None, "some")
    write_csv(tmp_path / "some.csv", written)
    read = read_csv(tmp_path / "some.csv", labelled=True if labelled else None)
    assert read.fingerprint == written.fingerprint
    assert read.images.dtype == np.uint8
    assert read.images.shape == (ROWS, 28, 28)
    assert read.source == "some.csv"
    assert (read.labels is not None and read.labels.dtype == np.int64) == labelled


def test_thousands_of_rows_are_read_across_blocks(tmp_path: Path):
    random = np.random.default_rng(1)
    many = Dataset(random.integers(0, 256, (2500, 28, 28), np.uint8), random.integers(0, 10, 2500), "many")
    write_csv(tmp_path / "many.csv", many)
    assert read_csv(tmp_path / "many.csv").fingerprint == many.fingerprint


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "byte-order mark": lambda content: b"\xef\xbb\xbf" + content,
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "CRLF and byte-order mark": lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"),
    "no last line end": lambda content: content.rstrip(b"\n"),
    "blank lines at the end": lambda content: content + b"\n\r\n\n",
    "a blank line between": lambda content: content.replace(b"\n", b"\n\n", 2),
    "quoted": lambda content: b'"' + content.rstrip().replace(b",", b'","').replace(b"\n", b'"\n"') + b'"\n',
    "blanks after commas": lambda content: content.replace(b",", b", "),
}


@pytest.mark.parametrize("form", FORMS)
def test_harmless_differences_are_accepted(tmp_path: Path, digits: Dataset, form: str):
    (tmp_path / "train.csv").write_bytes(FORMS[form](text(table(digits))))
    assert read_csv(tmp_path / "train.csv", labelled=True).fingerprint == digits.fingerprint


def renamed(content: bytes, names: list[str]) -> bytes:
    return ",".join(names).encode() + content[content.index(b"\n") :]


def label_last(content: bytes) -> bytes:
    rows = [line.split(b",") for line in content.splitlines()]
    return b"".join(b",".join([*cells[1:], cells[0]]) + b"\n" for cells in rows)


def point_zero(content: bytes) -> bytes:
    header, _, rows = content.partition(b"\n")
    return header + b"\n" + rows.replace(b",", b".0,").replace(b"\n", b".0\n")


BY_ROW = [f"{row}x{column}" for row in range(1, 29) for column in range(1, 29)]
FROM_ONE = [f"pixel{number}" for number in range(1, 785)]
# What people have: form -> the same digits so, and whether it is reported that something was assumed.
OTHERS: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "lines that end in a comma": (lambda content: content.replace(b"\n", b",\n"), False),
    "a header that ends in commas": (lambda content: content.replace(b"\n", b",,\n", 1), False),
    "rows that end in a comma": (lambda content: content.replace(b"\n", b",\n").replace(b",\n", b"\n", 1), False),
    "commas and CRLF": (lambda content: content.replace(b"\n", b",,\r\n"), False),
    "point zero": (point_zero, False),
    "UTF-16": (lambda content: content.decode().encode("utf-16"), False),
    "UTF-16, the other order": (lambda content: b"\xfe\xff" + content.decode().encode("utf-16-be"), False),
    "row by column": (lambda content: renamed(content, ["label", *BY_ROW]), True),
    "from one": (lambda content: renamed(content, ["label", *FROM_ONE]), True),
    "numbers as names": (lambda content: renamed(content, ["Label", *map(str, range(784))]), True),
    "no header": (lambda content: content[content.index(b"\n") + 1 :], True),
    "the label last": (lambda content: label_last(renamed(content, ["class", *FROM_ONE])), True),
    "semicolons": (lambda content: content.replace(b",", b";"), True),
    "tabs": (lambda content: content.replace(b",", b"\t"), True),
    "semicolons at line ends, no header": (
        lambda content: content[content.index(b"\n") + 1 :].replace(b",", b";").replace(b"\n", b";\n"),
        True,
    ),
}


@pytest.mark.parametrize("form", OTHERS)
def test_the_tables_that_people_have_are_read(tmp_path: Path, digits: Dataset, form: str):
    change, is_assumed = OTHERS[form]
    content = change(text(table(digits)))
    (tmp_path / "train.csv").write_bytes(content)
    for _ in range(2):  # from the file, and where it was kept from the cache
        read = read_csv(tmp_path / "train.csv", labelled=True)
        assert read.fingerprint == digits.fingerprint
        assert bool(read.assumed) is is_assumed


def test_without_a_header_labels_that_seem_to_be_last_are_refused(tmp_path: Path, digits: Dataset):
    images = digits.images.copy()
    images[:, 0, 0], images[:, -1, -1] = 0, 7
    content = label_last(text(table(Dataset(images, digits.required_labels, "some"))))
    (tmp_path / "train.csv").write_bytes(content[content.index(b"\n") + 1 :])
    with refused("csv-header-missing", "line 1"):
        read_csv(tmp_path / "train.csv")


@pytest.mark.parametrize("row", [b"," * 500_000, b"." * 500_000, b"0." * 250_000, b";" * 500_000], ids=repr)
def test_long_lines_cost_no_more_than_their_length(tmp_path: Path, digits: Dataset, row: bytes):
    (tmp_path / "train.csv").write_bytes(text(table(digits)) + row + b"x\n")
    with pytest.raises(InkdigitError):
        read_csv(tmp_path / "train.csv")


def test_packed_files_are_read(tmp_path: Path, digits: Dataset):
    content = text(table(digits))
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(content))
    zipped(tmp_path / "train.zip", **{"train": content, "__MACOSX/._train": b"shadow"})
    for packed in ("train.csv.gz", "train.zip"):  # the content decides, not the name
        shutil.copy(tmp_path / packed, tmp_path / "train.csv")
        assert read_csv(tmp_path / "train.csv").fingerprint == digits.fingerprint
    assert read_csv(tmp_path / "train.csv.gz").fingerprint == digits.fingerprint
    assert read_csv(tmp_path / "train.zip").fingerprint == digits.fingerprint


def cell(row: int, column: int, value: str) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        cells[row][column] = value

    return change


def no_column(name: str) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        place = cells[0].index(name)
        for row in cells:
            del row[place]

    return change


def few_numbers(cells: Cells) -> None:
    del cells[0], cells[0][700:]


def nameless(cells: Cells) -> None:
    for number, row in enumerate(cells):
        row.append("x" if number == 3 else "")


def swap(cells: Cells) -> None:
    cells[0][3], cells[0][4] = cells[0][4], cells[0][3]


BAD_TABLES: dict[str, tuple[Callable[[Cells], object], str, str]] = {
    "no label column": (no_column("label"), "labels-missing", "line 1"),
    "missing column": (no_column("pixel400"), "csv-column-missing", "line 1: column pixel400"),
    "missing last column": (no_column("pixel783"), "csv-column-missing", "line 1: column pixel783"),
    "extra column": (
        lambda cells: [row.append("id") for row in cells],
        "csv-column-unexpected",
        "line 1: column 786, 'id'",
    ),
    "misnamed column": (cell(0, 6, "pixel_5"), "csv-column-misnamed", "line 1: column 7"),
    "misnamed label": (cell(0, 0, "number"), "csv-column-misnamed", "line 1: column 1"),
    "columns in another order": (swap, "csv-column-misplaced", "line 1: column 4"),
    "a column twice": (
        lambda cells: [row.insert(4, row[3]) for row in cells],
        "csv-column-repeated",
        "line 1: column pixel2",
    ),
    "no header, too few numbers": (
        few_numbers,
        "csv-header-missing",
        "line 1",
    ),
    "something in a column without a name": (
        nameless,
        "csv-column-unexpected",
        "line 4",
    ),
    "half a pixel": (cell(2, 5, "12.5"), "pixel-invalid", "line 3, column pixel4"),
    "a label beyond": (cell(2, 0, "10.0"), "label-invalid", "line 3, column label"),
    "header alone": (lambda cells: cells.__delitem__(slice(1, None)), "images-missing", "train.csv"),
    "short row": (lambda cells: cells[3].pop(), "csv-row-short", "line 4, column pixel783"),
    "very short row": (cell(3, slice(2, None), []), "csv-row-short", "line 4, column pixel1"),  # pyright: ignore[reportArgumentType]
    "long row": (lambda cells: cells[3].append("0"), "csv-row-long", "line 4"),
    "blank pixel": (cell(2, 5, ""), "pixel-invalid", "line 3, column pixel4"),
    "blank last pixel": (cell(2, 784, ""), "pixel-invalid", "line 3, column pixel783"),
    "fractional pixel": (
        cell(2, 5, "0.5"),
        "pixel-invalid",
        "line 3, column pixel4: '0.5'",
    ),
    "negative pixel": (cell(5, 1, "-1"), "pixel-invalid", "line 6, column pixel0: '-1'"),
    "pixel of 256": (cell(5, 784, "256"), "pixel-invalid", "line 6, column pixel783: '256'"),
    "pixel of 300": (cell(1, 9, "300"), "pixel-invalid", "line 2, column pixel8: '300'"),
    "pixel of 1000": (cell(1, 9, "1000"), "pixel-invalid", "line 2, column pixel8: '1000'"),
    "word for a pixel": (cell(1, 9, "ink"), "pixel-invalid", "line 2, column pixel8: 'ink'"),
    "label of 10": (cell(4, 0, "10"), "label-invalid", "line 5, column label: '10'"),
    "word for a label": (
        cell(4, 0, "four"),
        "label-invalid",
        "line 5, column label: 'four'",
    ),
    "blank label": (cell(4, 0, ""), "label-invalid", "line 5, column label"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused_naming_file_line_and_column(tmp_path: Path, digits: Dataset, case: str):
    change, code, place = BAD_TABLES[case]
    cells = table(digits)
    change(cells)
    (tmp_path / "train.csv").write_bytes(text(cells))
    with refused(code, tmp_path / "train.csv", place) as caught:
        read_csv(tmp_path / "train.csv", labelled=True)
    assert "\n" not in str(caught.value)


def test_the_line_is_right_far_down_and_after_blank_lines(tmp_path: Path, digits: Dataset):
    header, *rows = table(digits)
    content = text([header, *rows * 400]).replace(b"\n", b"\n\n", 1) + text([[*rows[0][:-1], "x"]])
    (tmp_path / "train.csv").write_bytes(content)
    with refused("pixel-invalid", "line 2003, column pixel783: 'x'"):
        read_csv(tmp_path / "train.csv")


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256))
BAD_FILES: dict[str, tuple[str, bytes, str, str]] = {
    "empty": ("train.csv", b"", "csv-empty", "train.csv"),
    "byte-order mark alone": ("train.csv", b"\xef\xbb\xbf", "csv-empty", "train.csv"),
    "blank lines alone": ("train.csv", b"\n\n", "csv-empty", "train.csv"),
    "a picture": ("train.csv", PNG, "csv-not-text", "line 1"),
    "prose": ("train.csv", b"Dear reader,\nthese are no digits.\n", "csv-header-unknown", "line 1"),
    "UTF-16": ("train.csv", "label,pixel0\n".encode("utf-16"), "csv-column-missing", "line 1"),
    "commas alone": ("train.csv", b",,,,\n", "csv-header-unknown", "line 1"),
    "a quote left open": ("train.csv", b'"label,pixel0\n', "csv-line-malformed", "line 1"),
    "no gz": ("train.csv.gz", b"label,pixel0\n", "file-damaged", "train"),
    "no zip": ("train.zip", b"label,pixel0\n", "file-damaged", "train"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_is_not_a_table_is_refused(tmp_path: Path, case: str):
    name, content, code, place = BAD_FILES[case]
    (tmp_path / name).write_bytes(content)
    with refused(code, tmp_path / name, place):
        read_csv(tmp_path / name)


def test_damage_within_a_packed_file_is_refused(tmp_path: Path, digits: Dataset):
    content = text(table(digits))
    packed = gzip.compress(content)
    (tmp_path / "train.csv.gz").write_bytes(packed[:-8] + bytes(8))
    (tmp_path / "half.csv.gz").write_bytes(packed[:-20])
    zipped(tmp_path / "train.zip", train=content)
    whole = (tmp_path / "train.zip").read_bytes()
    (tmp_path / "train.zip").write_bytes(whole[: len(whole) // 2])
    for name in ("train.csv.gz", "half.csv.gz", "train.zip"):
        with refused("file-damaged", name):
            read_csv(tmp_path / name)


def test_bytes_that_are_not_utf8_are_refused_naming_the_line(tmp_path: Path, digits: Dataset):
    (tmp_path / "train.csv").write_bytes(text(table(digits)) + b"\xe9,1\n")
    with refused("csv-not-text", "line 7"):
        read_csv(tmp_path / "train.csv")


def test_a_zip_must_hold_one_csv(tmp_path: Path, digits: Dataset):
    content = text(table(digits))
    zipped(tmp_path / "kaggle.zip", train=content, test=content)
    with refused("zip-contents-unexpected", "kaggle.zip", "train.csv, test.csv"):
        read_csv(tmp_path / "kaggle.zip")
    zipped(tmp_path / "empty.zip")
    with refused("zip-contents-unexpected", "empty.zip"):
        read_csv(tmp_path / "empty.zip")


def test_a_bomb_is_refused(tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inkdigit.data.kaggle_csv._MAX_TEXT_SIZE", 1 << 20)
    header, first, *_ = table(digits)
    zipped(tmp_path / "bomb.zip", train=text([header] + [first] * 2000))
    with refused("file-too-large", "bomb.zip", "1 MiB"):
        read_csv(tmp_path / "bomb.zip")


def test_a_path_without_a_file_is_refused(tmp_path: Path):
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    with refused("file-not-found", "absent.csv"):
        read_csv(tmp_path / "absent.csv")
    with refused("file-is-folder", tmp_path):
        read_csv(tmp_path)
    with refused("file-unreadable", "loop.csv"):
        read_csv(tmp_path / "loop.csv")


def test_the_second_reading_comes_from_the_cache(tmp_path: Path, digits: Dataset, cache: Path):
    write_csv(tmp_path / "train.csv", digits)
    read_csv(tmp_path / "train.csv")
    (entry,) = cache.iterdir()
    # The same bytes under another name are the same digits: an entry of other digits shows who answers.
    (tmp_path / "train.csv").rename(tmp_path / "renamed.csv")
    np.savez(entry, images=digits.images[:2], labels=np.zeros(2, np.int64))
    read = read_csv(tmp_path / "renamed.csv")
    assert len(read) == 2
    assert read.source == "renamed.csv"


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda whole: whole[:0],
    "cut short": lambda whole: whole[:-99],
    "a byte before": lambda whole: b"?" + whole[:-1],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_entry_is_written_again(tmp_path: Path, digits: Dataset, cache: Path, damage: str):
    write_csv(tmp_path / "train.csv", digits)
    read_csv(tmp_path / "train.csv")
    (entry,) = cache.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(DAMAGES[damage](whole))
    assert read_csv(tmp_path / "train.csv").fingerprint == digits.fingerprint
    assert len(entry.read_bytes()) == len(whole)
    assert entry.read_bytes() != DAMAGES[damage](whole)


def test_every_damage_of_the_cache_is_noticed(tmp_path: Path, digits: Dataset, cache: Path, rng: np.random.Generator):
    write_csv(tmp_path / "train.csv", digits)
    read_csv(tmp_path / "train.csv")
    (entry,) = cache.iterdir()
    whole = entry.read_bytes()
    for content in damaged_copies(whole, 200, rng):
        entry.write_bytes(content)
        assert read_csv(tmp_path / "train.csv").fingerprint == digits.fingerprint
        entry.write_bytes(whole)


def test_reading_works_with_a_cache_that_cannot_be_written(tmp_path: Path, digits: Dataset):
    (tmp_path / "cache").write_text("a file where the folder would be")
    write_csv(tmp_path / "train.csv", digits)
    assert read_csv(tmp_path / "train.csv").fingerprint == digits.fingerprint


def test_the_cache_stays_small(tmp_path: Path, digits: Dataset, cache: Path):
    for row in range(12):
        images = np.full((1, 28, 28), row, np.uint8)
        write_csv(tmp_path / "train.csv", Dataset(images, None, "one"))
        read_csv(tmp_path / "train.csv")
    assert len(list(cache.iterdir())) == 8


def test_a_submission_is_kaggles(tmp_path: Path):
    write_submission(tmp_path / "submission.csv", np.array([7, 2, 0], np.int64))
    assert (tmp_path / "submission.csv").read_bytes() == b"ImageId,Label\n1,7\n2,2\n3,0\n"
