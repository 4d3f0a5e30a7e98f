"""The same digits in every format that is read, written without the code under test."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset

Writer = Callable[[Path, Dataset], Path]

savez: Any = np.savez_compressed  # its type takes any array for `allow_pickle`

PIXELS = [f"pixel{i}" for i in range(784)]


def png(image: np.ndarray, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form)
    return stream.getvalue()


def csv(folder: Path, digits: Dataset) -> Path:
    kaggle_csv.write_csv(folder / "digits.csv", digits)
    return folder / "digits.csv"


def csv_gz(folder: Path, digits: Dataset) -> Path:
    (folder / "digits.csv.gz").write_bytes(gzip.compress(csv(folder, digits).read_bytes()))
    return folder / "digits.csv.gz"


def csv_zip(folder: Path, digits: Dataset) -> Path:
    with zipfile.ZipFile(folder / "digits.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv(folder, digits), "digits.csv")
    return folder / "digits.zip"


def idx(folder: Path, digits: Dataset, pack: Callable[[bytes], bytes] = bytes, suffix: str = "") -> Path:
    images = struct.pack(">IIII", 2051, len(digits), 28, 28) + digits.images.tobytes()
    (folder / f"train-images-idx3-ubyte{suffix}").write_bytes(pack(images))
    if digits.labels is not None:
        labels = struct.pack(">II", 2049, len(digits)) + digits.labels.astype(np.uint8).tobytes()
        (folder / f"train-labels-idx1-ubyte{suffix}").write_bytes(pack(labels))
    return folder / f"train-images-idx3-ubyte{suffix}"


def idx_gz(folder: Path, digits: Dataset) -> Path:
    return idx(folder, digits, gzip.compress, ".gz")


def npz(folder: Path, digits: Dataset) -> Path:
    arrays = {"images": digits.images} if digits.labels is None else {"images": digits.images, "labels": digits.labels}
    savez(folder / "digits.npz", **arrays)
    return folder / "digits.npz"


def npz_of_floats(folder: Path, digits: Dataset) -> Path:
    arrays: dict[str, Any] = {"X": digits.images.reshape(-1, 784).astype(np.float64)}
    if digits.labels is not None:
        arrays["y"] = digits.labels[:, None].astype(np.float32)
    savez(folder / "digits.npz", **arrays)
    return folder / "digits.npz"


def npz_without_names(folder: Path, digits: Dataset) -> Path:
    arrays = [digits.images[..., None]] if digits.labels is None else [digits.images[..., None], digits.labels]
    np.savez(folder / "digits.npz", *arrays)
    return folder / "digits.npz"


def parquet(folder: Path, digits: Dataset) -> Path:
    columns = dict(zip(PIXELS, digits.images.reshape(-1, 784).T.astype(np.int64), strict=True))
    labels = {} if digits.labels is None else {"label": digits.labels}
    pq.write_table(pa.table({**labels, **columns}), folder / "digits.parquet")
    return folder / "digits.parquet"


def hugging_face(folder: Path, digits: Dataset) -> Path:
    cells = [{"bytes": png(image), "path": f"{place}.png"} for place, image in enumerate(digits.images)]
    labels = {} if digits.labels is None else {"label": digits.labels}
    pq.write_table(pa.table({"image": cells, **labels}), folder / "digits.parquet")
    return folder / "digits.parquet"


def pictures(folder: Path, digits: Dataset, form: str = "PNG", invert: bool = False) -> Path:
    """A folder of pictures named 1, 2, … 10, so that natural order is not the order of the letters."""
    for place, image in enumerate(digits.images):
        sub = folder / "digits" / ("" if digits.labels is None else str(digits.labels[place]))
        sub.mkdir(parents=True, exist_ok=True)
        (sub / f"{place}.{form.lower()}").write_bytes(png(~image if invert else image, form))
    return folder / "digits"


def pictures_on_paper(folder: Path, digits: Dataset) -> Path:
    return pictures(folder, digits, "BMP", invert=True)


def npz_of_text(folder: Path, digits: Dataset) -> Path:
    arrays = {"x": digits.images} | ({} if digits.labels is None else {"y": digits.labels.astype(str)})
    savez(folder / "digits.npz", **arrays)
    return folder / "digits.npz"


def parquet_nested(folder: Path, digits: Dataset) -> Path:
    labels = {} if digits.labels is None else {"target": pa.array(digits.labels.astype(str)).dictionary_encode()}
    pq.write_table(pa.table({"img": digits.images.tolist(), **labels}), folder / "digits.parquet")
    return folder / "digits.parquet"


def shards(folder: Path, digits: Dataset) -> Path:
    """Two files of the part "train", as from Hugging Face, and one of the other part."""
    (folder / "set").mkdir()
    half = len(digits) // 2
    labels = digits.labels
    for place, rows in enumerate((slice(half), slice(half, None))):
        some = Dataset(digits.images[rows], None if labels is None else labels[rows], "some")
        hugging_face(folder, some).rename(folder / "set" / f"train-{place:05d}-of-00002.parquet")
    hugging_face(folder, digits).rename(folder / "set" / "test-00000-of-00001.parquet")
    return folder / "set"


def idx_folder(folder: Path, digits: Dataset) -> Path:
    """Kaggle's MNIST: each file in a folder of its own name."""
    images = idx(folder, digits)
    for old in [images, images.with_name("train-labels-idx1-ubyte")]:
        if old.exists():
            (folder / "set" / old.name).mkdir(parents=True)
            old.rename(folder / "set" / old.name / old.name)
    return folder / "set"


def qmnist(folder: Path, digits: Dataset) -> Path:
    images = idx(folder, digits)
    if digits.labels is not None:
        (folder / "train-labels-idx1-ubyte").unlink()
        rows = np.zeros((len(digits), 8), ">i4")
        rows[:, 0], rows[:, 1:] = digits.labels, 1234
        content = struct.pack(">III", 0x0C02, *rows.shape) + rows.tobytes()
        (folder / "qmnist-train-labels-idx2-int").write_bytes(content)
    return images.rename(folder / "qmnist-train-images-idx3-ubyte")


def named_classes(folder: Path, digits: Dataset) -> Path:
    made = pictures(folder, digits)
    names = ["zero", "01", "digit_2", "Three", "class-4", "digits 5", "Label_6", "07", "eight", "number_9"]
    for digit, name in enumerate(names):
        if (made / str(digit)).exists():
            (made / str(digit)).rename(made / name)
    return made


def labels_in_names(folder: Path, digits: Dataset) -> Path:
    """Pictures such as `7_12.png`, whose order is that of their labels."""
    (folder / "digits").mkdir()
    for place, image in enumerate(digits.images):
        name = f"picture {place}" if digits.labels is None else f"{digits.labels[place]}_{place}"
        (folder / "digits" / f"{name}.png").write_bytes(png(image))
    return folder / "digits"


WRITERS: dict[str, Writer] = {
    "csv": csv,
    "csv.gz": csv_gz,
    "csv in zip": csv_zip,
    "idx": idx,
    "idx.gz": idx_gz,
    "npz": npz,
    "npz of floats": npz_of_floats,
    "npz without names": npz_without_names,
    "parquet": parquet,
    "parquet of pictures": hugging_face,
    "pictures": pictures,
    "pictures dark on light": pictures_on_paper,
    "labels as text": npz_of_text,
    "parquet of lists in lists": parquet_nested,
    "parquet in parts": shards,
    "a folder of idx": idx_folder,
    "QMNIST": qmnist,
    "folders with other names": named_classes,
    "labels in names": labels_in_names,
}
