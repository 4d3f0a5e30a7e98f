"""Trains the models that ship: the one that reads digits, and the one that tells digits from other drawings.

    .venv/bin/python tools/ship.py

The first model is trained on MNIST's 60,000 training images, part of them redrawn with other pens and in other styles,
then for some more epochs with more of these styles. It is scored once, on the 10,000 test images. The second model is
trained on the same digits and on random drawings: class 0 is a digit, class 1 is not. The runs stay in runs/base,
runs/shipped and runs/not-digit, and continue there after an interruption. Both models go into the package, with one
manifest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from inkdigit.data import mnist
from inkdigit.runs.run import NOT_DIGIT_MODEL, ONNX_MODEL, SHIPPED_RUN, read_run, write_manifest
from inkdigit.synth.nondigits import non_digits
from inkdigit.training.augment.rare_styles import draw_digits
from inkdigit.utils.files import atomic, cache_dir

ROOT = Path(__file__).parents[1]
COMMAND = "python tools/ship.py"
BASE, READER, NOT_DIGIT = (ROOT / "runs" / name for name in ("base", "shipped", "not-digit"))
PICTURES = ROOT / "runs" / "digit-or-not.npz"
RARE_STYLE_DIGITS, NON_DIGITS = 20_000, 40_000  # images beside MNIST's 60,000

READER_OPTIONS = (
    "--preset", "best", "--filters", "24, 32 32, 128 128", "--epochs", "60",
    "--real-ink", "0.33", "--other-styles", "0.08", "--no-tta",
)  # fmt: skip
# The strong augmentation turns a 1 with a flag into a narrow 7: only more images in rare styles tell them apart.
CONTINUED_OPTIONS = ("--other-styles", "0.2", "--epochs", "8")
NOT_DIGIT_OPTIONS = ("--filters", "24, 32 32, 96", "--dense", "64", "--real-ink", "0.5", "--epochs", "12")


def main() -> None:
    """Train both models, unless they are trained already, and put them into the package."""
    mnist.load()
    images, scored = (cache_dir() / "mnist" / f"{part}-images-idx3-ubyte" for part in ("train", "t10k"))
    train(BASE, "--train", images, *READER_OPTIONS)
    train(READER, "--start-from", BASE, "--train", images, "--test", scored, *CONTINUED_OPTIONS)
    if not PICTURES.exists():
        draw_pictures()
    train(NOT_DIGIT, "--train", PICTURES, *NOT_DIGIT_OPTIONS)
    ship()


def ship() -> None:
    """Put both models into the package."""
    for run, name in ((READER, ONNX_MODEL), (NOT_DIGIT, NOT_DIGIT_MODEL)):
        with atomic(SHIPPED_RUN / name) as temporary:
            shutil.copy(run / ONNX_MODEL, temporary)
    about = manifest_entries(READER) | {NOT_DIGIT_MODEL: manifest_entries(NOT_DIGIT), "made_by": COMMAND}
    write_manifest(SHIPPED_RUN, [ONNX_MODEL, NOT_DIGIT_MODEL], about)


def train(out: Path, *arguments: Path | str) -> None:
    done = subprocess.run([sys.executable, "-m", "inkdigit", "train", "--out", out, *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def draw_pictures() -> None:
    rng = np.random.default_rng(0)
    digits = mnist.load()[0].images
    written = draw_digits(rng.integers(10, size=RARE_STYLE_DIGITS), rng)
    none = non_digits(NON_DIGITS, digits, rng)
    labels = np.repeat([0, 1], [len(digits) + len(written), len(none)])
    PICTURES.parent.mkdir(exist_ok=True)
    with atomic(PICTURES) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, images=np.concatenate([digits, written, none]), labels=labels)


def manifest_entries(run: Path) -> dict[str, Any]:
    """A run's manifest without the entries that describe its folder."""
    manifest = dict(read_run(run).manifest)
    del manifest["files"], manifest["format"]
    return manifest


if __name__ == "__main__":
    main()
