"""IDX, the format of MNIST's own files: images in one file, labels in another one beside it."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.data.validation import check_count, check_pair, to_labels
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import reading

GZIP = b"\x1f\x8b"

_UINT8_TYPE, _INT32_TYPE = 0x08, 0x0C
_TYPES = {_UINT8_TYPE, 0x09, 0x0B, _INT32_TYPE, 0x0D, 0x0E}
# What differs between the names of the images' file and of the labels' one: MNIST's, and QMNIST's.
_IMAGE_WORDS, _LABEL_WORDS = ("images", "idx3-ubyte"), (("labels", "idx1-ubyte"), ("labels", "idx2-int"))
_QMNIST_COLUMNS = 8  # of a label: the digit, and who wrote it


def read_idx(path: Path) -> Dataset:
    """Read images, with the labels from the file beside them where there is one.

    EMNIST's files, known by "emnist" in the name, hold rows where MNIST has columns: their images are transposed.

    Args:
        path: `train-images-idx3-ubyte` or `train-labels-idx1-ubyte` (the other one is found), as it is or as .gz;
            each may lie in a folder of its own name. QMNIST's labels, `qmnist-train-labels-idx2-int`, are read too.

    Raises:
        InkdigitError: the files are not a pair of N images of 28x28 bytes and N labels.
    """
    values = _read_array(path)
    if values.ndim == 1:
        labels, images = path, _companion(path, _LABEL_WORDS, [_IMAGE_WORDS])
        if images is None:
            problem = "holds labels, and their images are not beside it: name the file of the images"
            raise InkdigitError(f"{path} {problem}.", code="idx-images-missing")
        values = _read_array(images)
    else:
        labels, images = _companion(path, [_IMAGE_WORDS], _LABEL_WORDS), path
    if values.ndim != 3:
        raise InkdigitError(f"{images} holds labels where its name says images.", code="idx-images-missing")
    if "emnist" in images.name.lower():
        values = np.ascontiguousarray(values.transpose(0, 2, 1))
    if labels is None:
        return Dataset(values, None, images.name)
    digits = to_labels(_read_array(labels), str(labels))
    check_pair(len(values), len(digits), f"{images} and {labels.name}")
    return Dataset(values, digits, images.name)


def is_idx(start: bytes) -> bool:
    """Whether a file with this beginning is IDX: two zeros, the type of its values, the number of its dimensions."""
    return len(start) >= 4 and start[:2] == b"\0\0" and start[2] in _TYPES and 1 <= start[3] <= 4


def find_images(folder: Path, part: Literal["train", "test"]) -> Path | None:
    """The file with the images of a part, in a folder or in a folder of its own name there; None without one."""
    found = sorted(path for path in [*folder.glob("*images*idx3*"), *folder.glob("*images*/*idx3*")] if path.is_file())
    words = ("train",) if part == "train" else ("t10k", "test")
    return next((path for path in found if any(word in path.name for word in words)), None)


def _companion(path: Path, this: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]) -> Path | None:
    """The file with the other half of the pair, found by its name. this, other: words in the names of both."""
    own = path.name.removesuffix(".gz")
    for words, others in product(this, other):
        if words[0] not in own:
            continue
        name = own.replace(words[0], others[0]).replace(words[1], others[1])
        for place in (path.with_name(name), path.parent.parent / name / name):
            for candidate in (place, place.with_name(f"{name}.gz")):
                if candidate.is_file():
                    return candidate
    return None


def _read_array(path: Path) -> NDArray[np.uint8]:
    """Images (N, 28, 28), or labels (N,), of which QMNIST's are the first of eight columns."""
    with reading(path), _open_idx(path) as stream:
        shape = read_shape(path, stream)
        check_count(shape[0], str(path))
        is_qmnists = shape[1:] == (_QMNIST_COLUMNS,)
        count = math.prod(shape) * (4 if is_qmnists else 1)
        content = stream.read(count + 1)
    if len(content) != count:
        problem = "ends before" if len(content) < count else "continues after"
        announced = f"the {shape[0]:,} that its header announces: download it again"
        raise InkdigitError(f"{path} {problem} {announced}.", code="file-damaged")
    if is_qmnists:
        return to_labels(np.frombuffer(content, ">i4").reshape(shape)[:, 0], str(path)).astype(np.uint8)
    return np.frombuffer(content, np.uint8).reshape(shape)


def read_shape(path: Path | str, stream: IO[bytes] | gzip.GzipFile) -> tuple[int, ...]:
    """Read a file's header; return its shape, (N,) for labels, (N, 8) for QMNIST's, and (N, 28, 28) for images.

    Raises:
        InkdigitError: the file is not IDX, or holds values of another type or shape.
    """
    magic = stream.read(4)
    if not is_idx(magic):
        raise InkdigitError(f"{path} is not an IDX file: it begins with {magic!r}.", code="idx-header-invalid")
    shape: tuple[int, ...] = struct.unpack(f">{magic[3]}I", stream.read(4 * magic[3]))
    if magic[2] == _INT32_TYPE and shape[1:] == (_QMNIST_COLUMNS,):
        return shape
    if magic[2] != _UINT8_TYPE:
        problem = f"holds values of type 0x{magic[2]:02x}: unsigned bytes (0x08) are needed"
        raise InkdigitError(f"{path} {problem}.", code="type-invalid")
    if shape[1:] not in {(), (28, 28)}:
        raise InkdigitError(f"{path} has shape {shape}: images are (N, 28, 28).", code="shape-invalid")
    return shape


def _open_idx(path: Path) -> IO[bytes] | gzip.GzipFile:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path) if packed else path.open("rb")
