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
from inkdigit.errors import InkdigitError

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


def test_a_part_that_is_not_there_is_never_replaced_by_the_other(tmp_path: Path):
    path = save(tmp_path / "mnist.npz", x_train=IMAGES, y_train=LABELS)
    with pytest.raises(InkdigitError, match=r"mnist.npz holds x_train, y_train: name the arrays x_test and y_test"):
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


BAD: dict[str, tuple[dict[str, object], str]] = {
    "scaled": ({"x": IMAGES / 255, "y": LABELS}, "x, image 1, pixel0: 0.37.* is not a whole .* multiplied by 255"),
    "standardised": ({"x": IMAGES / 100 - 1.3}, "x, image 1, pixel0: .* is not a whole number"),
    "not a number": ({"x": np.full((1, 28, 28), np.nan)}, "x, image 1, pixel0: nan is not"),
    "negative": ({"x": IMAGES.astype(int) - 1}, "x, image 1, pixel82: -1 is not a whole number from 0 to 255"),
    "above": ({"x": IMAGES.astype(int) + 1}, "256 is not a whole number"),
    "other size": ({"x": IMAGES[:, 2:-2, 2:-2]}, r"x has shape \(6, 24, 24\)"),
    "one image": ({"x": IMAGES[0]}, r"x has shape \(28, 28\)"),
    "in colour": ({"x": np.stack([IMAGES] * 3, -1)}, r"x has shape \(6, 28, 28, 3\)"),
    "no images": ({"x": IMAGES[:0]}, "x holds no images"),
    "text": ({"x": IMAGES.astype(str)}, "x holds values of type"),
    "one-hot": ({"x": IMAGES, "y": np.eye(10)[LABELS]}, r"y has shape \(6, 10\): .* argmax\(1\)"),
    "letters": ({"x": IMAGES, "y": LABELS + 1}, "y, label 3: 10 is not a digit from 0 to 9"),
    "fewer labels": ({"x": IMAGES, "y": LABELS[1:]}, "x and y: 6 images and 5 labels do not belong together"),
    "unknown names": ({"a": IMAGES, "b": LABELS}, "holds a, b: name the arrays"),
    "two of a kind": ({"images": IMAGES, "data": IMAGES}, "holds images and data: which is meant"),
    "nothing": ({}, "holds nothing: name the arrays"),
}


@pytest.mark.parametrize("case", BAD)
def test_anything_else_is_told(tmp_path: Path, case: str):
    arrays, sentence = BAD[case]
    with pytest.raises(InkdigitError, match=sentence) as raised:
        read_npz(save(tmp_path / "digits.npz", **arrays), "test")
    assert str(raised.value).startswith(str(tmp_path / "digits.npz"))


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
    with pytest.raises(InkdigitError, match="x holds pickled Python objects"):
        read_npz(path, "test")
    assert not (tmp_path / "run").exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(npz, "_LARGEST_ARRAY", 1 << 20)
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((2000, 28, 28), np.uint8))
    with pytest.raises(InkdigitError, match="x unpacks to more than 1 MiB"):
        read_npz(tmp_path / "bomb.npz", "test")


def test_a_header_that_lies_is_not_believed(tmp_path: Path):
    for shape, sentence in (((99, 28, 28), "EOF"), ((10**11, 28, 28), "at most 1,000,000")):
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
        with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
            archive.writestr("x.npy", stream.getvalue() + bytes(784))
        with pytest.raises((InkdigitError, ValueError), match=sentence):
            read_npz(tmp_path / "lie.npz", "test")


def test_an_encrypted_file_is_told(tmp_path: Path):
    path = save(tmp_path / "digits.npz", x=IMAGES)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InkdigitError, match="is encrypted"):
        read_npz(path, "test")
