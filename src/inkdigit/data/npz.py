"""NumPy's .npz files: Keras's `mnist.npz`, and others whose arrays have telling names."""

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

IMAGE_NAMES = ("x", "images", "image", "data", "pixels")
LABEL_NAMES = ("y", "labels", "label", "targets", "target")

_MAX_ARRAY_SIZE = 2 << 30  # bytes, unpacked; MNIST's 70,000 as float64 have 439 million


def read_npz(path: Path, part: Part) -> Dataset:
    """Read images (N, 28, 28) or (N, 784), and their labels (N,) where there are some.

    Pickled objects, which could run code, are never loaded.

    Args:
        path: the file.
        part: which to take where the file has both, as `x_train` and `x_test` or `train_images` and `test_images`.

    Raises:
        InkdigitError: the file has no such arrays, or they are not images and labels.
    """
    with zipfile.ZipFile(path) as archive:
        members = {
            member.filename.removesuffix(".npy"): member
            for member in archive.infolist()
            if member.filename.endswith(".npy")
        }
        found = _find_arrays(path, members, part)
        if found is None:
            names = ", ".join(list(members)[:8]) or "nothing"
            wanted = f"x_{part} and y_{part}, {part}_images and {part}_labels, x and y, or images and labels"
            raise InkdigitError(f"{path} holds {names}: name the arrays {wanted}.", code="npz-array-missing")
        images, labels = found
        pixels = to_images(_read_array(path, archive, members[images]), f"{path}, {images}")
        if labels is None:
            return Dataset(pixels, None, path.name)
        digits = to_labels(_read_array(path, archive, members[labels]), f"{path}, {labels}")
        check_pair(len(pixels), len(digits), f"{path}, {images} and {labels}")
        return Dataset(pixels, digits, path.name)


def _find_arrays(path: Path, members: dict[str, Any], part: Part) -> tuple[str, str | None] | None:
    """The names of images and labels: the part's where the file has parts, else those without a part."""
    for naming in (f"{{}}_{part}", f"{part}_{{}}", "{}"):
        images = _find_array(path, members, IMAGE_NAMES, naming)
        if images:
            return images, _find_array(path, members, LABEL_NAMES, naming)
    return ("arr_0", "arr_1" if "arr_1" in members else None) if "arr_0" in members else None


def _find_array(path: Path, members: dict[str, Any], words: tuple[str, ...], naming: str) -> str | None:
    wanted = {naming.format(word) for word in words}
    found = [name for name in members if name.lower() in wanted]
    if len(found) > 1:
        raise InkdigitError(f"{path} holds {' and '.join(found)}: keep one of them.", code="npz-array-ambiguous")
    return found[0] if found else None


def _read_array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    check_packing(path, member)
    where = f"{path}, {member.filename.removesuffix('.npy')}"
    with archive.open(member) as stream:
        shape, dtype = _read_header(stream)
    # Checked before anything is unpacked.
    if dtype.hasobject:
        problem = "holds pickled Python objects, which are not loaded: save it as plain numbers"
        raise InkdigitError(f"{where} {problem}.", code="npz-array-pickled")
    check_count(shape[0] if shape else 0, where)
    if math.prod(shape) * dtype.itemsize > _MAX_ARRAY_SIZE:
        problem = f"unpacks to more than {_MAX_ARRAY_SIZE >> 20:,} MiB: save it as uint8"
        raise InkdigitError(f"{where} {problem}.", code="file-too-large")
    with archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False)


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype
