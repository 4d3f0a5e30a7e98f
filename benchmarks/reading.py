"""How many digits in photos, on cheques and on synthesised pages are read wrong, by Inkdigit and by other readers.

    .venv/bin/python benchmarks/reading.py DATA [photos cheques pages speed] [--show] [--alone]

DATA is a folder with photos/ and strings/, each with pictures and a labels.csv. Its columns are file, digits (lines
separated by "/"), and optionally order_fixed (0: the order of the digits is not compared). The 500 pages are
synthesised, with all hardships, from MNIST's test images. The error rate is the edit distance divided by the length of
the truth; line breaks are not counted. A line is exact if it is among the lines read, in their order. --show prints
every picture with a mistake; --alone leaves the peers out.

The peers read the same files and are scored in the same way, by the digits in what they read. Tesseract (Debian's
tesseract-ocr, if it is installed) is set to read digits only, in each of the page modes that suit the set. PaddleOCR's
models run in ONNX Runtime (RapidOCR, in a separate environment).
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cuts import read_strips
from PIL import Image
from service.servers import environment

from inkdigit.data import mnist
from inkdigit.evaluation.metrics import edit_distance
from inkdigit.imaging.decode import FORMATS, MAX_PIXELS
from inkdigit.imaging.page.lines import Layout, lines_in
from inkdigit.imaging.preprocess import open_image
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer
from inkdigit.synth.page import synthesize_page
from inkdigit.utils.files import cache_dir
from inkdigit.utils.hardware import describe_hardware

PAGES = 500
TESSERACT_MODES = {"page": ("4", "6", "11"), "line": ("7", "8", "13")}
PADDLE = Path(__file__).parent / "peers" / "paddle_reader.py"

Texts = list[str]
Peer = Callable[[Sequence[Path], Layout], tuple[Texts, float]]


@dataclass
class Set:
    """Pictures with their true digits, lines separated by line breaks; of the unordered ones only the digits count."""

    name: str
    layout: Layout
    files: list[Path] = field(default_factory=list[Path])
    truths: list[str] = field(default_factory=list[str])
    unordered: set[int] = field(default_factory=set[int])


def main() -> None:
    asked = [word for word in sys.argv[2:] if not word.startswith("--")] or ["photos", "cheques", "pages", "speed"]
    reader = Reader(Recognizer.load())
    print(f"{describe_hardware()}\n")
    sets = gather(Path(sys.argv[1]), asked)
    if sets:
        print("| pictures | of | reader | errors | of digits | error rate | exact lines | seconds a picture |")
        print("|---|---:|---|---:|---:|---:|---:|---:|")
    for found in sets:
        for name, peer in contestants(reader, found.layout).items():
            texts, seconds = peer(found.files, found.layout)
            score(found, name, texts, seconds)
    if "speed" in asked:
        speed(reader)


def gather(data: Path, asked: Sequence[str]) -> list[Set]:
    sets: list[Set] = []
    if "photos" in asked:
        sets.append(labelled(data / "photos", Set("photos", "page")))
    if "cheques" in asked:
        sets.append(labelled(data / "strings", Set("cheques", "line")))
    if "pages" in asked:
        sets.append(pages())
    return sets


def labelled(folder: Path, found: Set) -> Set:
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("order_fixed") == "0":
                found.unordered.add(len(found.files))
            found.files.append(folder / row["file"])
            found.truths.append(row["digits"].replace("/", "\n"))
    return found


def pages() -> Set:
    """Pages with all hardships, synthesised from MNIST's test images."""
    found = Set("pages", "page")
    folder = cache_dir() / "benchmark-pages"
    folder.mkdir(parents=True, exist_ok=True)
    test = mnist.load()[1]
    for number in range(PAGES):
        picture, truth = folder / f"{number}.png", folder / f"{number}.txt"
        if not truth.is_file():
            page = synthesize_page(test.images, test.required_labels, ["all"], np.random.default_rng((0, number)))
            Image.fromarray(page.picture).save(picture)
            truth.write_text(page.text, encoding="utf-8")
        found.files.append(picture)
        found.truths.append(truth.read_text(encoding="utf-8"))
    return found


def classical(recognizer: Recognizer) -> Peer:
    """The other design: the same strips, over-segmented; the recognizer chooses the segmentation."""

    def read(files: Sequence[Path], layout: Layout) -> tuple[Texts, float]:
        started = time.perf_counter()
        texts: Texts = []
        for file in files:
            strips = lines_in(open_image(file, file.name, FORMATS, MAX_PIXELS), layout).strips
            found = read_strips([strip.image for strip in strips], recognizer)
            texts.append("\n".join("".join(str(digit.probabilities.argmax()) for digit in line) for line in found))
        return texts, time.perf_counter() - started

    return read


def contestants(reader: Reader, layout: Layout) -> dict[str, Peer]:
    def ours(files: Sequence[Path], layout: Layout) -> tuple[Texts, float]:
        started = time.perf_counter()
        return [reader.read(file, layout=layout).text for file in files], time.perf_counter() - started

    found: dict[str, Peer] = {"Inkdigit": ours, "classical design": classical(Recognizer.load())}
    if "--alone" not in sys.argv:
        if shutil.which("tesseract"):
            found |= {f"Tesseract, mode {mode}": tesseract(mode) for mode in TESSERACT_MODES[layout]}
        found["PaddleOCR"] = paddle
    return found


def score(found: Set, name: str, texts: Texts, seconds: float) -> None:
    wrong = total = exact = lines = 0
    for number, (text, whole) in enumerate(zip(texts, found.truths, strict=True)):
        read, truth = text.split("\n"), whole.split("\n") if whole else []
        if number in found.unordered:
            read, truth = ["".join(sorted("".join(read)))], ["".join(sorted("".join(truth)))]
        errors, right = edit_distance("".join(read), "".join(truth)), matched(read, truth)
        wrong, total, exact, lines = wrong + errors, total + len("".join(truth)), exact + right, lines + len(truth)
        if "--show" in sys.argv and name == "Inkdigit" and (errors or right < len(truth)):
            print(f"    {found.files[number].name}: {'/'.join(read)}, not {'/'.join(truth)}")
    share, each = f"{100 * wrong / total:.2f} %", seconds / len(texts)
    row = f"{found.name} | {len(texts)} | {name} | {wrong:,} | {total:,} | {share} | {exact} of {lines} | {each:.2f}"
    print(f"| {row} |", flush=True)


def tesseract(mode: str) -> Peer:
    options = ("--psm", mode, "-c", "tessedit_char_whitelist=0123456789")

    def read(files: Sequence[Path], _: Layout) -> tuple[Texts, float]:
        started = time.perf_counter()
        commands = [["tesseract", file, "-", *options] for file in files]
        answers = [subprocess.run(command, capture_output=True, text=True, check=False).stdout for command in commands]
        return [digits(answer) for answer in answers], time.perf_counter() - started

    return read


def paddle(files: Sequence[Path], _: Layout) -> tuple[Texts, float]:
    names = "\n".join(map(str, files))
    command = [environment(PADDLE), PADDLE]
    answer = subprocess.run(command, input=names, capture_output=True, text=True, check=True).stdout
    content = json.loads(answer)
    return [digits(text) for text in content["texts"]], content["seconds"]


def digits(text: str) -> str:
    """What a peer read -> its lines that have digits, and only the digits."""
    return "\n".join(line for line in (re.sub(r"[^0-9]", "", line) for line in text.split("\n")) if line)


def speed(reader: Reader) -> None:
    """The time from a file's bytes to the text, for a photo of 12 megapixels with 30 digits and for a drawing."""
    rng = np.random.default_rng(3)
    test = mnist.load()[1]
    page = Image.new("RGB", (4000, 3000), (214, 208, 196))
    for place, row in enumerate(rng.integers(len(test), size=30)):
        ink = Image.fromarray(test.images[row]).resize((300, 300), Image.Resampling.BICUBIC)
        page.paste((40, 40, 70), (250 + place % 6 * 600, 200 + place // 6 * 540), ink)
    grain = rng.normal(0, 6, (3000, 4000, 1))
    page = Image.fromarray(np.clip(np.asarray(page) + grain, 0, 255).astype(np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        photo, canvas = Path(folder) / "photo.jpg", Path(folder) / "canvas.png"
        page.save(photo, quality=92)
        drawing = Image.new("RGBA", (280, 280))
        ink = Image.fromarray(test.images[0]).resize((196, 196), Image.Resampling.BICUBIC)
        drawing.paste((0, 0, 0, 255), (40, 40), ink)
        drawing.save(canvas)
        print("\n| a picture | digits read | best of five | median |\n|---|---:|---:|---:|")
        for name, file in (("photo, 4000x3000, 30 digits", photo), ("canvas, 280x280", canvas)):
            content = file.read_bytes()
            count = len(reader.read(content).text.replace("\n", ""))
            times: list[float] = []
            for _ in range(5):
                started = time.perf_counter()
                reader.read(content)
                times.append(1000 * (time.perf_counter() - started))
            print(f"| {name} | {count} | {min(times):.1f} ms | {sorted(times)[2]:.1f} ms |", flush=True)


def matched(read: Sequence[str], truth: Sequence[str]) -> int:
    """How many lines of the truth are read exactly, in their order: the longest common subsequence of lines."""
    row = [0] * (len(truth) + 1)
    for line in read:
        above = 0
        for k, right in enumerate(truth, 1):
            above, row[k] = row[k], above + 1 if line == right else max(row[k], row[k - 1])
    return row[-1]


if __name__ == "__main__":
    main()
