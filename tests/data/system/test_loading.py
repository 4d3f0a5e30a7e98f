"""The same digits from whatever format, and one sentence for what is none."""

from __future__ import annotations

import os
import subprocess
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
    assert read.source == path.name


@pytest.mark.parametrize("form", WRITERS)
def test_labels_that_are_needed_and_not_there_are_asked_for(tmp_path: Path, digits: Dataset, form: str):
    path = WRITERS[form](tmp_path, Dataset(digits.images, None, "MNIST"))
    with pytest.raises(InkdigitError, match="label") as raised:
        read_dataset(path, labelled=True)
    assert str(raised.value).startswith(str(path))


def test_the_content_decides_and_not_the_name(tmp_path: Path, digits: Dataset):
    for write in (csv, npz):
        renamed = write(tmp_path, digits).rename(tmp_path / "digits.data")
        assert read_dataset(renamed).fingerprint == digits.fingerprint


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0/1.png", b"")


STRANGERS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a picture": ("digit.png", lambda path: path.write_bytes(png(np.zeros((28, 28), np.uint8))), "is a picture"),
    "a program": (
        "digits",
        lambda path: path.write_bytes(b"\x7fELF\2\1\1\0"),
        "none of the formats that are read: CSV",
    ),
    "an array": ("x.npy", lambda path: np.save(path, np.zeros(3)), "none of the formats that are read: CSV"),
    "a zip of pictures": ("digits.zip", zipped, "holds 0/1.png, and no CSV file: unpack it"),
    "prose": ("digits.csv", lambda path: path.write_text("Dear all,\n"), "line 1: this is not Kaggle's header"),
    "no zip": ("digits.npz", lambda path: path.write_bytes(b"nothing of the kind"), "is damaged"),
    "no parquet": ("digits.parquet", lambda path: path.write_bytes(b"nothing of the kind"), "is damaged"),
    "no gz": ("x-idx3-ubyte.gz", lambda path: path.write_bytes(b"\x1f\x8b nothing"), "is damaged"),
    "no IDX": ("x-idx3-ubyte", lambda path: path.write_bytes(b"nothing"), "is not an IDX file"),
    "empty": ("digits.csv", lambda path: path.touch(), "is empty"),
    "absent": ("digits.csv", Path.exists, "does not exist"),
    "an empty folder": ("digits", lambda path: path.mkdir(), "holds no pictures"),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_what_is_none_of_them_gets_one_sentence(tmp_path: Path, case: str):
    name, write, sentence = STRANGERS[case]
    write(tmp_path / name)
    with pytest.raises(InkdigitError, match=sentence) as raised:
        read_dataset(tmp_path / name)
    assert str(raised.value).startswith(str(tmp_path / name))
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "digits.csv")
    with pytest.raises(InkdigitError, match="is neither a file nor a folder"):
        read_dataset(tmp_path / "digits.csv")


@pytest.mark.parametrize("form", ["csv", "idx", "npz", "parquet"])
def test_a_set_that_is_dark_on_light_is_refused(tmp_path: Path, digits: Dataset, form: str):
    path = WRITERS[form](tmp_path, Dataset(~digits.images, digits.labels, "inverted"))
    with pytest.raises(InkdigitError, match=r"are dark on light .* save 255 - images"):
        read_dataset(path)


def test_a_set_of_zeros_and_ones_is_refused(tmp_path: Path, digits: Dataset):
    path = npz(tmp_path, Dataset((digits.images > 127).astype(np.uint8), digits.labels, "binary"))
    with pytest.raises(InkdigitError, match=r"No pixel of .*digits.npz is above 1"):
        read_dataset(path)


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_cut_short_is_refused(tmp_path: Path, digits: Dataset, form: str):
    path = WRITERS[form](tmp_path, digits)
    if path.is_dir():
        path = next(path.rglob("*.*"))
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(InkdigitError) as raised:
        read_dataset(path if path.parent == tmp_path else tmp_path / "digits")
    assert str(raised.value).startswith(str(path))


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
        with pytest.raises(InkdigitError, match="changed while it was read"):
            read_dataset(path)
    finally:
        done.set()
        writer.join()
    assert not list(cache.rglob("*.npz"))


def test_only_the_format_at_hand_is_imported(tmp_path: Path, digits: Dataset):
    script = (
        "import sys; from pathlib import Path\n"
        "from inkdigit.data.loading import read_dataset; read_dataset(Path(sys.argv[1]))\n"
        "heavy = {'pyarrow', 'PIL', 'onnxruntime', 'keras'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script, npz(tmp_path, digits)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
