"""MNIST's own format: the pair is found by either name, and a bad file is refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.data.idx import read_idx
from tests.data.formats import idx, idx_gz
from tests.errors import refused


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
    with refused("idx-images-missing", labels):
        read_idx(labels)
    assert read_idx(tmp_path / "digits").labels is None


def test_emnists_images_are_transposed(tmp_path: Path, digits: Dataset):
    turned = Dataset(digits.images.transpose(0, 2, 1), digits.labels, "EMNIST")
    idx_gz(tmp_path, turned).rename(tmp_path / "emnist-digits-train-images-idx3-ubyte.gz")
    (tmp_path / "train-labels-idx1-ubyte.gz").rename(tmp_path / "emnist-digits-train-labels-idx1-ubyte.gz")
    assert read_idx(tmp_path / "emnist-digits-train-images-idx3-ubyte.gz").fingerprint == digits.fingerprint


IMAGE = bytes(784)
BAD = {
    "too short": (struct.pack(">IIII", 2051, 2, 28, 28) + IMAGE, "file-damaged"),
    "too long": (struct.pack(">IIII", 2051, 2, 28, 28) + 3 * IMAGE, "file-damaged"),
    "header alone": (struct.pack(">II", 2051, 2), "file-damaged"),
    "no images": (struct.pack(">IIII", 2051, 0, 28, 28), "images-missing"),
    "billions": (struct.pack(">IIII", 2051, 2**32 - 1, 28, 28), "images-too-many"),
    "other size": (struct.pack(">IIII", 2051, 1, 32, 32) + bytes(1024), "shape-invalid"),
    "floats": (struct.pack(">IIII", 0x0D03, 1, 28, 28) + 4 * IMAGE, "type-invalid"),
    "another file": (b"PK\3\4" + IMAGE, "idx-header-invalid"),
    "labels": (struct.pack(">II", 2049, 3) + b"\1\2\3", "idx-images-missing"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("packed", [True, False])
def test_a_bad_file_is_refused(tmp_path: Path, case: str, packed: bool):
    content, code = BAD[case]
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(gzip.compress(content) if packed else content)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, 1) + b"\1")
    with refused(code, path):
        read_idx(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path):
    # 8 GiB of zeros after a header that announces ten images.
    bomb = gzip.compress(bytes(1 << 26), 9)
    start = gzip.compress(struct.pack(">IIII", 2051, 10, 28, 28))
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(start + bomb * 128)
    with refused("file-damaged", path, "10"):
        read_idx(path)


def test_labels_that_do_not_fit_are_refused(tmp_path: Path, digits: Dataset):
    images = idx(tmp_path, digits)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(struct.pack(">II", 2049, 5) + bytes(5))
    with refused("labels-mismatched", images, labels.name):
        read_idx(images)
    labels.write_bytes(struct.pack(">II", 2049, 6) + bytes([1, 2, 26, 3, 4, 5]))
    with refused("label-invalid", "train-labels-idx1-ubyte, label 3: 26"):
        read_idx(images)
