"""How many digits of other writers and pens a model reads right: prepared by `inkdigit.prepare`, and merely resized.

    .venv/bin/python benchmarks/preparation.py DATA [RUN]

DATA is a folder with semeion.npz and ardis.npz (arrays x and y), chars74k_hnd.zip and hwd1000.zip (pictures and a
labels.csv); missing files are skipped. RUN is a run folder; without one, the model that ships is used. MNIST's test
images are read as they are, and drawn seven times as large somewhere on a larger page. The peer is what tutorials do:
make the picture grey, invert it if it is mostly light, resize it to 28x28. The second table has the CPU time of
preparing one picture; that of a JPEG is less than decoding it takes, since it is shrunk while it is decoded.
"""

from __future__ import annotations

import csv
import io
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkdigit import Recognizer, prepare
from inkdigit.data import mnist
from inkdigit.evaluation.metrics import wilson_interval
from inkdigit.utils.hardware import describe_hardware

Labelled = tuple[list[Any], NDArray[np.int64]]  # pictures, arrays or files, and their digits


def main() -> None:
    recognizer = Recognizer.load(*sys.argv[2:3])
    print(f"Model: {sys.argv[2] if len(sys.argv) > 2 else 'the one that ships'}; {describe_hardware()}\n")
    print("| digits | right | of | 95 % interval | merely resized |\n|---|---:|---:|---:|---:|")
    for name, (pictures, labels) in (*other_hands(Path(sys.argv[1])), *mnists()):
        right = correct(recognizer, [prepare(picture) for picture in pictures], labels)
        resized = correct(recognizer, [resize(picture) for picture in pictures], labels)
        total = len(labels)
        low, high = wilson_interval(right, total)
        share, interval = f"{100 * right / total:.2f} %", f"{100 * low:.2f}–{100 * high:.2f}"
        print(f"| {name} | {right:,} ({share}) | {total:,} | {interval} | {100 * resized / total:.2f} % |", flush=True)
    print("\n| a picture | `prepare` | Pillow decoding it |\n|---|---:|---:|")
    for name, content in files():
        print(
            f"| {name} | {milliseconds(prepare, content):.1f} ms | {milliseconds(decoded, content):.1f} ms |",
            flush=True,
        )


def other_hands(folder: Path) -> Iterator[tuple[str, Labelled]]:
    for name, file in (("Semeion", "semeion.npz"), ("ARDIS", "ardis.npz")):
        if (folder / file).exists():
            with np.load(folder / file) as arrays:
                yield name, (list(arrays["x"]), arrays["y"].astype(np.int64))
    for name, file in (("Chars74K, drawn", "chars74k_hnd.zip"), ("HWD+", "hwd1000.zip")):
        if (folder / file).exists():
            yield name, zipped(folder / file)


def mnists() -> Iterator[tuple[str, Labelled]]:
    _, test = mnist.load()
    yield "MNIST, test part", (list(test.images), test.required_labels)
    yield "the same, drawn large", (drawn_large(test.images), test.required_labels)


def zipped(path: Path) -> Labelled:
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.TextIOWrapper(archive.open("labels.csv"), encoding="utf-8")))
        contents = [archive.read(row["file"]) for row in rows]
    return contents, np.array([int(row["digit"]) for row in rows])


def drawn_large(images: NDArray[np.uint8]) -> list[Any]:
    places = np.random.default_rng(0).integers(0, (205, 105), (len(images), 2))
    pages: list[Any] = []
    for image, place in zip(images, places, strict=True):
        page = Image.new("L", (400, 300))
        page.paste(Image.fromarray(image).resize((196, 196), Image.Resampling.BICUBIC), tuple(place.tolist()))
        pages.append(np.asarray(page))
    return pages


def resize(picture: Any) -> NDArray[np.uint8]:
    """A picture prepared as tutorials do it."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else Image.fromarray(picture)
    small = np.asarray(image.convert("L").resize((28, 28), Image.Resampling.LANCZOS))
    return ~small if small.mean() > 127 else small


def correct(recognizer: Recognizer, images: list[NDArray[np.uint8]], labels: NDArray[np.int64]) -> int:
    return int((recognizer.predict(np.stack(images)) == labels).sum())


def files() -> Iterator[tuple[str, bytes]]:
    for width, height, form in ((280, 280, "PNG"), (4000, 3000, "JPEG"), (8000, 6000, "JPEG"), (8000, 6000, "PNG")):
        image = Image.new("RGB", (width, height), (235, 230, 225))
        side = height // 10
        strokes = [(width // 2 - 2 * side, 2 * side), (width // 2 + side, 2 * side), (width // 2, 8 * side)]
        ImageDraw.Draw(image).line(strokes, fill=(30, 40, 120), width=height // 13, joint="curve")
        if form == "JPEG":
            image = Image.blend(image, Image.effect_noise(image.size, 40).convert("RGB"), 0.1)
        stream = io.BytesIO()
        image.save(stream, form)
        yield f"{form}, {width}×{height}", stream.getvalue()


def decoded(content: bytes) -> None:
    Image.open(io.BytesIO(content)).load()


def milliseconds(work: Callable[[bytes], object], content: bytes) -> float:
    """The least CPU time of many runs."""
    times: list[float] = []
    while len(times) < 3 or (len(times) < 300 and sum(times) < 2):
        started = time.process_time()
        work(content)
        times.append(time.process_time() - started)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
