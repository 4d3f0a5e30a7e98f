"""MNIST's own format: the pair found by either name, and what is wrong with a file told."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.data.idx import read_idx
from inkdigit.errors import InkdigitError
from tests.data.formats import idx, idx_gz


@pytest.fixture
def digits(rng: np.random.Generator) -> Dataset:
    return Dataset(rng.integers(0, 256, (6, 28, 28), np.uint8), np.array([4, 0, 9, 1, 7, 7]), "some")


PAIRS = {
    "as published": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "packed": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "one packed": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
    "with a full stop": ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
    "packed without saying so": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_either_of_a_pair_may_be_named(tmp_path: Path, digits: Dataset, case: str):
    idx(tmp_path, digits)
    for written, name in zip(("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), PAIRS[case], strict=True):
        content = (tmp_path / written).read_bytes()
        (tmp_path / written).unlink()
        packed = name.endswith(".gz") or "saying" in case
        (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
    for name in PAIRS[case]:
        read = read_idx(tmp_path / name)
        assert read.fingerprint == digits.fingerprint
        assert read.source == PAIRS[case][0]


def test_images_alone_have_no_labels_and_labels_alone_no_images(tmp_path: Path, digits: Dataset):
    images = idx(tmp_path, digits)
    labels = tmp_path / "train-labels-idx1-ubyte"
    images.rename(tmp_path / "digits")
    with pytest.raises(InkdigitError, match="their images are not beside it"):
        read_idx(labels)
    assert read_idx(tmp_path / "digits").labels is None


def test_emnists_images_are_turned_round(tmp_path: Path, digits: Dataset):
    turned = Dataset(digits.images.transpose(0, 2, 1), digits.labels, "EMNIST")
    idx_gz(tmp_path, turned).rename(tmp_path / "emnist-digits-train-images-idx3-ubyte.gz")
    (tmp_path / "train-labels-idx1-ubyte.gz").rename(tmp_path / "emnist-digits-train-labels-idx1-ubyte.gz")
    assert read_idx(tmp_path / "emnist-digits-train-images-idx3-ubyte.gz").fingerprint == digits.fingerprint


IMAGE = bytes(784)
BAD = {
    "too short": (struct.pack(">IIII", 2051, 2, 28, 28) + IMAGE, "ends before the 2 that its header announces"),
    "too long": (struct.pack(">IIII", 2051, 2, 28, 28) + 3 * IMAGE, "goes on after the 2 that its header announces"),
    "header alone": (struct.pack(">II", 2051, 2), "is damaged"),
    "no images": (struct.pack(">IIII", 2051, 0, 28, 28), "holds no images"),
    "billions": (struct.pack(">IIII", 2051, 2**32 - 1, 28, 28), "holds 4,294,967,295 images, and at most 1,000,000"),
    "other size": (struct.pack(">IIII", 2051, 1, 32, 32) + bytes(1024), r"has shape \(1, 32, 32\)"),
    "floats": (struct.pack(">IIII", 0x0D03, 1, 28, 28) + 4 * IMAGE, "holds values of type 0x0d"),
    "another file": (b"PK\3\4" + IMAGE, "is not an IDX file"),
    "labels": (struct.pack(">II", 2049, 3) + b"\1\2\3", "holds labels, and their images are not beside it"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("packed", [True, False])
def test_a_bad_file_is_told(tmp_path: Path, case: str, packed: bool):
    content, sentence = BAD[case]
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(gzip.compress(content) if packed else content)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, 1) + b"\1")
    with pytest.raises(InkdigitError, match=sentence) as raised:
        read_idx(path)
    assert str(raised.value).startswith(str(path))


def test_a_bomb_is_not_unpacked(tmp_path: Path):
    # 8 GiB of zeros after a header that announces ten images.
    bomb = gzip.compress(bytes(1 << 26), 9)
    start = gzip.compress(struct.pack(">IIII", 2051, 10, 28, 28))
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(start + bomb * 128)
    with pytest.raises(InkdigitError, match="goes on after the 10"):
        read_idx(path)


def test_labels_that_do_not_fit_are_told(tmp_path: Path, digits: Dataset):
    images = idx(tmp_path, digits)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(struct.pack(">II", 2049, 5) + bytes(5))
    with pytest.raises(InkdigitError, match="6 images and 5 labels do not belong together"):
        read_idx(images)
    labels.write_bytes(struct.pack(">II", 2049, 6) + bytes([1, 2, 26, 3, 4, 5]))
    with pytest.raises(InkdigitError, match="train-labels-idx1-ubyte, label 3: 26 is not a digit"):
        read_idx(images)
