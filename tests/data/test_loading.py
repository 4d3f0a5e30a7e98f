"""The same digits from every format; one sentence for anything else."""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.loading import read_dataset
from inkdigit.errors import InkdigitError
from tests.data.formats import WRITERS, csv, npz, png
from tests.errors import refused


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, digits: Dataset) -> Path:
    """A cache of this test's own; MNIST was read before."""
    home = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("INKDIGIT_CACHE", str(home))
    return home


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """120 of MNIST's test digits, in the order of their labels, as a folder gives them."""
    _, test = mnist.load()
    order = np.argsort(test.required_labels[:120], kind="stable")
    return Dataset(test.images[order], test.required_labels[order], "MNIST")


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("form", WRITERS)
def test_the_same_digits_come_from_every_format(tmp_path: Path, digits: Dataset, form: str, labelled: bool):
    written = digits if labelled else Dataset(digits.images, None, "MNIST")
    path = WRITERS[form](tmp_path, written)
    read = read_dataset(path, labelled=labelled, part="train")
    assert read.fingerprint == written.fingerprint
    assert read.images.dtype == np.uint8
    assert read.source in {path.name, "train-images-idx3-ubyte"}  # the latter in a folder


@pytest.mark.parametrize("form", WRITERS)
def test_missing_labels_are_refused_where_they_are_needed(tmp_path: Path, digits: Dataset, form: str):
    path = WRITERS[form](tmp_path, Dataset(digits.images, None, "MNIST"))
    with refused("labels-missing", path):
        read_dataset(path, labelled=True, part="train")


def test_the_content_decides_and_not_the_name(tmp_path: Path, digits: Dataset):
    for write in (csv, npz):
        renamed = write(tmp_path, digits).rename(tmp_path / "digits.data")
        assert read_dataset(renamed).fingerprint == digits.fingerprint


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0/1.png", b"")


OTHER_FILES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a picture": ("digit.png", lambda path: path.write_bytes(png(np.zeros((28, 28), np.uint8))), "format-unknown"),
    "a program": (
        "digits",
        lambda path: path.write_bytes(b"\x7fELF\2\1\1\0"),
        "format-unknown",
    ),
    "an array": ("x.npy", lambda path: np.save(path, np.zeros(3)), "format-unknown"),
    "a zip of pictures": ("digits.zip", zipped, "zip-contents-unexpected"),
    "prose": ("digits.csv", lambda path: path.write_text("Dear all,\n"), "csv-header-unknown"),
    "no zip": ("digits.npz", lambda path: path.write_bytes(b"nothing of the kind"), "file-damaged"),
    "no parquet": ("digits.parquet", lambda path: path.write_bytes(b"nothing of the kind"), "file-damaged"),
    "no gz": ("x-idx3-ubyte.gz", lambda path: path.write_bytes(b"\x1f\x8b nothing"), "file-damaged"),
    "no IDX": ("x-idx3-ubyte", lambda path: path.write_bytes(b"nothing"), "idx-header-invalid"),
    "empty": ("digits.csv", lambda path: path.touch(), "csv-empty"),
    "absent": ("digits.csv", Path.exists, "file-not-found"),
    "an empty folder": ("digits", lambda path: path.mkdir(), "images-missing"),
}


@pytest.mark.parametrize("case", OTHER_FILES)
def test_any_other_file_is_refused_in_one_sentence(tmp_path: Path, case: str):
    name, write, code = OTHER_FILES[case]
    write(tmp_path / name)
    with refused(code, tmp_path / name) as caught:
        read_dataset(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "digits.csv")
    with refused("file-not-regular", "digits.csv"):
        read_dataset(tmp_path / "digits.csv")


@pytest.mark.parametrize("form", ["csv", "idx", "npz", "parquet"])
def test_a_set_that_is_dark_on_light_is_refused(tmp_path: Path, digits: Dataset, form: str):
    path = WRITERS[form](tmp_path, Dataset(~digits.images, digits.labels, "inverted"))
    with refused("images-inverted", path):
        read_dataset(path)


def test_a_set_of_zeros_and_ones_is_refused(tmp_path: Path, digits: Dataset):
    path = npz(tmp_path, Dataset((digits.images > 127).astype(np.uint8), digits.labels, "binary"))
    with refused("images-scaled", path):
        read_dataset(path)


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_cut_short_is_refused(tmp_path: Path, digits: Dataset, form: str):
    data = WRITERS[form](tmp_path, digits)
    path = (
        next(each for each in sorted(data.rglob("*")) if each.is_file() and "test" not in each.name)
        if data.is_dir()
        else data
    )
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(InkdigitError) as raised:
        read_dataset(data, part="train")
    assert str(raised.value).startswith(str(path))


def test_a_folder_says_which_part_it_lacks(tmp_path: Path, digits: Dataset):
    with refused("idx-images-missing", "t10k-images-idx3-ubyte"):
        read_dataset(WRITERS["a folder of idx"](tmp_path, digits), part="test")
    shards = WRITERS["parquet in parts"](tmp_path / "set", digits)
    (shards / "test-00000-of-00001.parquet").unlink()
    with refused("parquet-part-missing", shards, "test"):
        read_dataset(shards, part="test")


@pytest.mark.parametrize("form", ["folders with other names", "labels in names"])
def test_what_was_assumed_is_said(tmp_path: Path, digits: Dataset, form: str, capsys: pytest.CaptureFixture[str]):
    path = WRITERS[form](tmp_path, digits)
    read_dataset(path)
    assert str(path) in capsys.readouterr().out


def test_a_file_that_grows_while_it_is_read_is_refused_and_not_cached(tmp_path: Path, digits: Dataset, cache: Path):
    path = csv(tmp_path, Dataset(np.tile(digits.images, (100, 1, 1)), None, "many"))
    last_row = path.read_bytes().splitlines(keepends=True)[-1]
    done = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as stream:
            while not done.is_set():
                stream.write(last_row)
                done.wait(0.0005)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with refused("file-changed", path):
            read_dataset(path)
    finally:
        done.set()
        writer.join()
    assert not list(cache.rglob("*.npz"))
