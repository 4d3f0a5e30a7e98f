"""A file or folder of any format that is read -> digits, with or without labels."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inkdigit.data import idx, kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.imaging.pixel_scale import check_scale
from inkdigit.utils.files import reading
from inkdigit.utils.progress import print_line

DATA_FORMATS = "CSV (also .gz or .zip), IDX (also .gz), .npz, Parquet, or a folder of one of these or of pictures"

Format = Literal["csv", "idx", "npz", "parquet", "folder"]

_WHERE_LABELS_GO = {
    "idx": "train-labels-idx1-ubyte belongs beside train-images-idx3-ubyte",
    "npz": "they go beside the images as y_train or y_test, labels, or y",
    "parquet": "they are a column named label",
    "folder": "sort the pictures into folders named 0 to 9",
}
_TEXT_SUFFIXES = {".csv", ".txt", ".tsv"}
PICTURE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")

# Mean pixel value of a set. Even the boldest handwriting stays below: above it, the paper is bright.
_MAX_MEAN_BRIGHTNESS = 150


def read_dataset(path: Path, *, labelled: bool | None = None, part: Literal["train", "test"] = "test") -> Dataset:
    """Read digits from CSV, IDX, .npz, Parquet, or a folder of pictures; the content decides which, not the name.

    Args:
        path: the file or folder.
        labelled: True demands labels; otherwise they are read where there are some.
        part: which part to take where one file holds both, as Keras's mnist.npz does.

    Raises:
        InkdigitError: the data are in none of the formats, damaged, dark on light, or more than a million images, or
            the file changed while it was read.
    """
    with reading(path):
        kind = _detect_format(path)
        digits = _read(path, kind, labelled, part)
    if labelled and digits.labels is None:
        problem = f"has no labels, and labels are needed here: {_WHERE_LABELS_GO[kind]}"
        raise InkdigitError(f"{path} {problem}.", code="labels-missing")
    check_ink(path, digits.images)
    if digits.assumed:
        print_line(f"{path}: {digits.assumed}.")
    return digits


def _read(path: Path, kind: Format, labelled: bool | None, part: Literal["train", "test"]) -> Dataset:
    if kind == "idx":
        return idx.read_idx(_idx_file(path, part) if path.is_dir() else path)
    if kind == "npz":
        from inkdigit.data.npz import read_npz

        return read_npz(path, part)
    if kind == "parquet":
        from inkdigit.data.parquet import read_parquet, read_shards

        return read_shards(_shards(path, part), path.resolve().name) if path.is_dir() else read_parquet(path)
    if kind == "folder":
        from inkdigit.data.image_folder import read_folder

        return read_folder(path)
    return kaggle_csv.read_csv(path, labelled=labelled)


def _idx_file(folder: Path, part: Literal["train", "test"]) -> Path:
    if found := idx.find_images(folder, part):
        return found
    wanted = "train-images-idx3-ubyte" if part == "train" else "t10k-images-idx3-ubyte"
    raise InkdigitError(f"{folder} holds no {wanted}: name the file of the images.", code="idx-images-missing")


def _shards(folder: Path, part: Literal["train", "test"]) -> list[Path]:
    """The Parquet files of a folder: those of the part where their names have parts, such as `test-00000-of-00001`."""
    files = sorted(folder.glob("*.parquet"))
    of_part = [file for file in files if file.name.startswith(part)]
    has_parts = any(file.name.startswith(("train", "test")) for file in files)
    if has_parts and not of_part:
        problem = f"holds {files[0].name}, and no file of the {part} part"
        raise InkdigitError(f"{folder} {problem}: name the file to read.", code="parquet-part-missing")
    return of_part or files


def _detect_format(path: Path) -> Format:
    """The format that the first bytes show, or else the name; of a folder, the format of what is in it."""
    if path.is_dir():
        if next(path.glob("*.parquet"), None):
            return "parquet"
        return "idx" if next(path.glob("*idx3*"), None) else "folder"
    if not path.is_file():
        problem = "is neither a file nor a folder: save what comes out of it as a file"
        raise InkdigitError(f"{path} {problem}.", code="file-not-regular")
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\3\4") or suffix in {".npz", ".zip"}:
        return _detect_zip_format(path, suffix)
    if start.startswith(b"PAR1") or suffix in {".parquet", ".pq"}:
        return "parquet"
    if start.startswith(idx.GZIP):
        with gzip.open(path) as stream:
            start = stream.read(512)
    if idx.is_idx(start) or "idx3" in path.name or "idx1" in path.name:
        return "idx"
    if start.startswith(PICTURE_STARTS):
        raise InkdigitError(f"{path} is a picture: put it into a folder, and name the folder.", code="format-unknown")
    if b"\0" in start and suffix not in _TEXT_SUFFIXES:
        raise InkdigitError(f"{path} is in none of the formats that are read: {DATA_FORMATS}.", code="format-unknown")
    return "csv"


def _detect_zip_format(path: Path, suffix: str) -> Format:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if suffix == ".npz" or any(name.endswith(".npy") for name in names):
        return "npz"
    if any(name.lower().endswith(".csv") for name in names):
        return "csv"
    problem = f"holds {', '.join(names[:4]) or 'nothing'}, and no CSV file"
    raise InkdigitError(
        f"{path} {problem}: unpack it, and name what is read: {DATA_FORMATS}.", code="zip-contents-unexpected"
    )


def check_ink(path: Path | str, images: NDArray[np.uint8]) -> None:
    """Raise InkdigitError for images that are inverted or scaled: nothing else would notice."""
    mean = images.mean()
    if mean > _MAX_MEAN_BRIGHTNESS:
        problem = f"are dark on light (their mean is {mean:.0f} of 255)"
        advice = "ink is bright on dark here, so save 255 - images"
        raise InkdigitError(f"The images of {path} {problem}: {advice}.", code="images-inverted")
    check_scale(images, str(path))
