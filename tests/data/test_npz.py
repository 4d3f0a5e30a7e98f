"""NumPy's files: which array is taken, and what is refused before it is loaded."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import npz
from inkdigit.data.npz import read_npz
from inkdigit.utils.files import reading
from tests.errors import refused

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
LABELS = np.array([4, 0, 9, 1, 7, 7])


def save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path


NAMES = {
    "Keras": ("x_{}", "y_{}"),
    "MedMNIST": ("{}_images", "{}_labels"),
    "in capitals": ("X_{}", "Y_{}"),
}


@pytest.mark.parametrize("names", NAMES)
def test_training_takes_one_part_and_everything_else_the_other(tmp_path: Path, names: str):
    images, labels = NAMES[names]
    arrays = {
        images.format("train"): IMAGES[:4],
        labels.format("train"): LABELS[:4],
        images.format("test"): IMAGES[4:],
        labels.format("test"): LABELS[4:],
    }
    path = save(tmp_path / "mnist.npz", **arrays)
    train, test = read_npz(path, "train"), read_npz(path, "test")
    np.testing.assert_array_equal([*train.images, *test.images], IMAGES)
    np.testing.assert_array_equal([*train.required_labels, *test.required_labels], LABELS)
    assert (len(train), len(test)) == (4, 2)


def test_a_missing_part_is_never_replaced_by_the_other(tmp_path: Path):
    path = save(tmp_path / "mnist.npz", x_train=IMAGES, y_train=LABELS)
    with refused("npz-array-missing", path, "x_test and y_test"):
        read_npz(path, "test")


FORMS = {
    "rows": IMAGES.reshape(6, 784),
    "channels last": IMAGES[..., None],
    "channels first": IMAGES[:, None],
    "int64": IMAGES.astype(np.int64),
    "big-endian": IMAGES.astype(">i2"),
    "float32": IMAGES.astype(np.float32),
    "in Fortran's order": np.asfortranarray(IMAGES),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_mean_the_same_are_the_same(tmp_path: Path, form: str):
    digits = read_npz(save(tmp_path / "digits.npz", images=FORMS[form], labels=LABELS[:, None]), "test")
    np.testing.assert_array_equal(digits.images, IMAGES)
    np.testing.assert_array_equal(digits.required_labels, LABELS)


BAD: dict[str, tuple[dict[str, object], str, str]] = {
    "scaled": ({"x": IMAGES / 255, "y": LABELS}, "pixel-invalid", "x, image 1, pixel0: 0.37"),
    "standardised": ({"x": IMAGES / 100 - 1.3}, "pixel-invalid", "x, image 1, pixel0"),
    "not a number": ({"x": np.full((1, 28, 28), np.nan)}, "pixel-invalid", "x, image 1, pixel0: nan"),
    "negative": ({"x": IMAGES.astype(int) - 1}, "pixel-invalid", "x, image 1, pixel82: -1"),
    "above": ({"x": IMAGES.astype(int) + 1}, "pixel-invalid", "256"),
    "other size": ({"x": IMAGES[:, 2:-2, 2:-2]}, "shape-invalid", "x has shape (6, 24, 24)"),
    "one image": ({"x": IMAGES[0]}, "shape-invalid", "x has shape (28, 28)"),
    "in colour": ({"x": np.stack([IMAGES] * 3, -1)}, "shape-invalid", "x has shape (6, 28, 28, 3)"),
    "no images": ({"x": IMAGES[:0]}, "images-missing", ", x"),
    "text": ({"x": IMAGES.astype(str)}, "type-invalid", ", x"),
    "one-hot": ({"x": IMAGES, "y": np.eye(10)[LABELS]}, "shape-invalid", "y has shape (6, 10)"),
    "letters": ({"x": IMAGES, "y": LABELS + 1}, "label-invalid", "y, label 3: 10"),
    "fewer labels": ({"x": IMAGES, "y": LABELS[1:]}, "labels-mismatched", "x and y"),
    "unknown names": ({"a": IMAGES, "b": LABELS}, "npz-array-missing", "a, b"),
    "two of a kind": ({"images": IMAGES, "data": IMAGES}, "npz-array-ambiguous", "images and data"),
    "nothing": ({}, "npz-array-missing", "nothing"),
}


@pytest.mark.parametrize("case", BAD)
def test_anything_else_is_refused(tmp_path: Path, case: str):
    arrays, code, place = BAD[case]
    with refused(code, tmp_path / "digits.npz", place):
        read_npz(save(tmp_path / "digits.npz", **arrays), "test")


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_never_loaded(tmp_path: Path):
    command = Touch(tmp_path / "run")
    pickle.loads(pickle.dumps(command))
    (tmp_path / "run").unlink()
    path = save(tmp_path / "digits.npz", x=np.array([command], object), y=LABELS)
    with refused("npz-array-pickled", path, ", x "):
        read_npz(path, "test")
    assert not (tmp_path / "run").exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(npz, "_MAX_ARRAY_SIZE", 1 << 20)
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((2000, 28, 28), np.uint8))
    with refused("file-too-large", "bomb.npz, x", "1 MiB"):
        read_npz(tmp_path / "bomb.npz", "test")


def test_a_header_with_a_wrong_shape_is_refused(tmp_path: Path):
    path = tmp_path / "lie.npz"
    for shape, code in (((99, 28, 28), "file-damaged"), ((10**11, 28, 28), "images-too-many")):
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", stream.getvalue() + bytes(784))
        with refused(code, path), reading(path):
            read_npz(path, "test")


def test_an_encrypted_file_is_refused(tmp_path: Path):
    path = save(tmp_path / "digits.npz", x=IMAGES)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with refused("file-packed", path):
        read_npz(path, "test")
