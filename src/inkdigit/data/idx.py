"""IDX, the format of MNIST's own files: images in one file, labels in another one beside it."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.data.validation import check_count, check_pair, to_labels
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import reading

GZIP = b"\x1f\x8b"

_UINT8_TYPE = 0x08
_TYPES = {_UINT8_TYPE, 0x09, 0x0B, 0x0C, 0x0D, 0x0E}
_IMAGE_WORDS, _LABEL_WORDS = ("images", "idx3"), ("labels", "idx1")


def read_idx(path: Path) -> Dataset:
    """Read images, with the labels from the file beside them where there is one.

    EMNIST's files, known by "emnist" in the name, hold rows where MNIST has columns: their images are transposed.

    Args:
        path: `train-images-idx3-ubyte` or `train-labels-idx1-ubyte` (the other one is found), as it is or as .gz.

    Raises:
        InkdigitError: the files are not a pair of N images of 28x28 bytes and N labels.
    """
    values = _read_array(path)
    if values.ndim == 1:
        labels, images = path, _companion(path, _LABEL_WORDS, _IMAGE_WORDS)
        if images is None:
            problem = "holds labels, and their images are not beside it: name the file of the images"
            raise InkdigitError(f"{path} {problem}.", code="idx-images-missing")
        values = _read_array(images)
    else:
        labels, images = _companion(path, _IMAGE_WORDS, _LABEL_WORDS), path
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


def _companion(path: Path, this: tuple[str, str], other: tuple[str, str]) -> Path | None:
    """The file with the other half of the pair, found by its name. this, other: words in the names of both."""
    name = path.name.removesuffix(".gz")
    if this[0] not in name:
        return None
    name = name.replace(this[0], other[0]).replace(this[1], other[1])
    candidates = [path.with_name(name), path.with_name(f"{name}.gz")]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _read_array(path: Path) -> NDArray[np.uint8]:
    with reading(path), _open_idx(path) as stream:
        shape = read_shape(path, stream)
        check_count(shape[0], str(path))
        count = math.prod(shape)
        content = stream.read(count + 1)
    if len(content) != count:
        problem = "ends before" if len(content) < count else "continues after"
        announced = f"the {shape[0]:,} that its header announces: download it again"
        raise InkdigitError(f"{path} {problem} {announced}.", code="file-damaged")
    return np.frombuffer(content, np.uint8).reshape(shape)


def read_shape(path: Path | str, stream: IO[bytes] | gzip.GzipFile) -> tuple[int, ...]:
    """Read the header of a file of unsigned bytes; return its shape, (N,) for labels and (N, 28, 28) for images.

    Raises:
        InkdigitError: the file is not IDX, or holds values of another type or shape.
    """
    magic = stream.read(4)
    if not is_idx(magic):
        raise InkdigitError(f"{path} is not an IDX file: it begins with {magic!r}.", code="idx-header-invalid")
    if magic[2] != _UINT8_TYPE:
        problem = f"holds values of type 0x{magic[2]:02x}: unsigned bytes (0x08) are needed"
        raise InkdigitError(f"{path} {problem}.", code="type-invalid")
    shape: tuple[int, ...] = struct.unpack(f">{magic[3]}I", stream.read(4 * magic[3]))
    if shape[1:] not in {(), (28, 28)}:
        raise InkdigitError(f"{path} has shape {shape}: images are (N, 28, 28).", code="shape-invalid")
    return shape


def _open_idx(path: Path) -> IO[bytes] | gzip.GzipFile:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path) if packed else path.open("rb")
