"""NumPy's .npz files: Keras's `mnist.npz`, and whatever `np.savez` wrote under names that say what is what."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.data.validation import check_count, check_pair, to_images, to_labels
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import check_packing

Part = Literal["train", "test"]

IMAGES = ("x", "images", "image", "data", "pixels")
LABELS = ("y", "labels", "label", "targets", "target")

_LARGEST_ARRAY = 2 << 30  # bytes, unpacked; MNIST's 70,000 as float64 have 439 million


def read_npz(path: Path, part: Part) -> Dataset:
    """Read images (N, 28, 28) or (N, 784), and their labels (N,) where there are some.

    part: which to take where the file has both, as `x_train` and `x_test` or `train_images` and `test_images`.
    Raises InkdigitError for anything else; pickled objects, which could run code, are never loaded.
    """
    with zipfile.ZipFile(path) as archive:
        members = {
            member.filename.removesuffix(".npy"): member
            for member in archive.infolist()
            if member.filename.endswith(".npy")
        }
        found = _of_part(path, members, part)
        if found is None:
            names = ", ".join(list(members)[:8]) or "nothing"
            wanted = f"x_{part} and y_{part}, {part}_images and {part}_labels, x and y, or images and labels"
            raise InkdigitError(f"{path} holds {names}: name the arrays {wanted}.")
        images, labels = found
        pixels = to_images(_array(path, archive, members[images]), f"{path}, {images}")
        if labels is None:
            return Dataset(pixels, None, path.name)
        digits = to_labels(_array(path, archive, members[labels]), f"{path}, {labels}")
        check_pair(len(pixels), len(digits), f"{path}, {images} and {labels}")
        return Dataset(pixels, digits, path.name)


def _of_part(path: Path, members: dict[str, Any], part: Part) -> tuple[str, str | None] | None:
    """The names of images and labels: the part's where the file has parts, else those without a part."""
    for naming in (f"{{}}_{part}", f"{part}_{{}}", "{}"):
        images = _named(path, members, IMAGES, naming)
        if images:
            return images, _named(path, members, LABELS, naming)
    return ("arr_0", "arr_1" if "arr_1" in members else None) if "arr_0" in members else None


def _named(path: Path, members: dict[str, Any], words: tuple[str, ...], naming: str) -> str | None:
    wanted = {naming.format(word) for word in words}
    found = [name for name in members if name.lower() in wanted]
    if len(found) > 1:
        raise InkdigitError(f"{path} holds {' and '.join(found)}: which is meant? Keep one of them.")
    return found[0] if found else None


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    check_packing(path, member)
    where = f"{path}, {member.filename.removesuffix('.npy')}"
    with archive.open(member) as stream:
        shape, dtype = _header(stream)
    # Before a byte is unpacked: what would come out?
    if dtype.hasobject:
        raise InkdigitError(f"{where} holds pickled Python objects, which are not loaded: save it as plain numbers.")
    check_count(shape[0] if shape else 0, where)
    if math.prod(shape) * dtype.itemsize > _LARGEST_ARRAY:
        raise InkdigitError(f"{where} unpacks to more than {_LARGEST_ARRAY >> 20:,} MiB: save it as uint8.")
    with archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype
