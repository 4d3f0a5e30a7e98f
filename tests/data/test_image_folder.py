"""A folder of pictures: their order, their labels, which side is ink, and what is out of place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from inkdigit import prepare
from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.image_folder import read_folder, to_digits
from inkdigit.errors import InkdigitError
from tests.data.formats import pictures, png
from tests.errors import refused
from tests.paths import REAL

DIGITS = REAL / "digits"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    _, test = mnist.load()
    return Dataset(test.images[:100], test.required_labels[:100], "MNIST")


def named(images: Iterable[np.ndarray]) -> list[tuple[str, bytes]]:
    return [(f"{place}.png", png(image)) for place, image in enumerate(images)]


def test_pictures_are_read_in_natural_order(tmp_path: Path, digits: Dataset):
    for place, name in enumerate(["2.png", "10.png", "a1b2.png", "A1b10.PNG"]):
        (tmp_path / name).write_bytes(png(digits.images[place]))
    np.testing.assert_array_equal(read_folder(tmp_path).images, digits.images[:4])


def test_hidden_files_and_notes_are_ignored(tmp_path: Path, digits: Dataset):
    folder = pictures(tmp_path, digits)
    for name in (".DS_Store", "README.txt", "labels.csv", "7/Thumbs.db", "7/._0.png"):
        (folder / name).write_bytes(b"nothing of interest")
    (folder / "__MACOSX").mkdir()
    assert len(read_folder(folder)) == 100


def test_every_lossless_kind_of_picture_is_the_same(tmp_path: Path, digits: Dataset):
    for form in ("PNG", "BMP", "TIFF", "PPM", "GIF"):
        read = read_folder(pictures(tmp_path / form, Dataset(digits.images, None, "MNIST"), form))
        assert np.array_equal(read.images, digits.images), form


def test_a_jpeg_is_nearly_the_same(tmp_path: Path, digits: Dataset):
    read = read_folder(pictures(tmp_path, Dataset(digits.images, None, "MNIST"), "JPEG"))
    assert np.abs(read.images.astype(int) - digits.images).mean() < 5


def test_the_ink_is_found_in_dark_and_in_bright_digits():
    _, test = mnist.load()
    mixed = [~image if place % 2 else image for place, image in enumerate(test.images[:1000])]
    np.testing.assert_array_equal(to_digits(named(np.stack(mixed))), test.images[:1000])


def cut_out(image: np.ndarray) -> np.ndarray:
    """The digit without any paper round it."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def bright(images: Iterable[np.ndarray]) -> np.ndarray:
    """Prepared one by one, their bright side known to be ink."""
    return np.stack([prepare(image, ink="bright") for image in images])


def test_digits_that_fill_their_pictures_keep_their_sides(digits: Dataset):
    crops = [cut_out(image) for image in digits.images]
    np.testing.assert_array_equal(to_digits(named(crops)), bright(crops))
    np.testing.assert_array_equal(to_digits(named([~crop for crop in crops])), bright(crops))


def test_an_unclear_picture_follows_the_others_where_they_agree(digits: Dataset):
    half = np.repeat(np.array([[0, 255]], np.uint8), 10, axis=1).repeat(20, axis=0)
    others = list(digits.images[:12])
    for light in (False, True):
        pictures = [half, *[~image if light else image for image in others]]
        np.testing.assert_array_equal(to_digits(named(pictures))[0], prepare(half, ink="dark" if light else "bright"))
    mixed = [half, *others, *[~image for image in others]]
    np.testing.assert_array_equal(to_digits(named(mixed))[0], prepare(half))


@pytest.mark.skipif(not DIGITS.is_dir(), reason="the development data are not here")
def test_box_filling_real_ink_keeps_its_sides():
    with np.load(DIGITS / "semeion.npz") as semeion:
        images = semeion["x"][::25]
    np.testing.assert_array_equal(to_digits(named(images)), bright(images))
    np.testing.assert_array_equal(to_digits(named(~images)), bright(images))


def stray(name: str, content: bytes = b"") -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)

    return write


DIGIT = png(np.pad(np.full((20, 6), 255, np.uint8), ((4, 4), (11, 11))))
BAD: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a folder that is no digit": (stray("ten/1.png", DIGIT), "folder-entry-unexpected", "ten"),
    "two places": (stray("1.png", DIGIT), "folder-entry-unexpected", "1.png"),
    "another file": (stray("letter.pdf", b"%PDF"), "folder-entry-unexpected", "letter.pdf"),
    "another file in a class": (stray("3/letter.pdf", b"%PDF"), "folder-entry-unexpected", "letter.pdf"),
    "a folder in a class": (lambda folder: (folder / "3" / "more").mkdir(), "folder-entry-unexpected", "3/more"),
}
UNREADABLE = {
    "damaged": DIGIT[:-30],
    "not a picture": b"nothing",
    "blank": png(np.full((40, 40), 200, np.uint8)),
}


@pytest.mark.parametrize("case", BAD)
def test_an_unexpected_entry_is_refused(tmp_path: Path, digits: Dataset, case: str):
    spoil, code, place = BAD[case]
    folder = pictures(tmp_path, digits)
    spoil(folder)
    with refused(code, folder, place):
        read_folder(folder)


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, digits: Dataset, case: str):
    path = pictures(tmp_path, digits) / "3" / "x.png"
    path.write_bytes(UNREADABLE[case])
    with pytest.raises(InkdigitError, match=re.escape(str(path))):
        read_folder(tmp_path / "digits")


def test_folders_without_pictures_are_refused(tmp_path: Path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train.csv").write_text("label")
    with refused("images-missing", tmp_path):
        read_folder(tmp_path)
    (tmp_path / "0").mkdir()
    with refused("folder-entry-unexpected", tmp_path / "train"):
        read_folder(tmp_path)
    (tmp_path / "train").rmdir()
    with refused("images-missing", tmp_path):
        read_folder(tmp_path)
