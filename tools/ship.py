"""Makes what ships: the model that reads digits, and the one that tells what is no digit.

    .venv/bin/python tools/ship.py

The reader learns MNIST's 60,000 training images, in part written anew with other pens and in other styles, then some
epochs more with more of such styles, and is scored once on the 10,000 others. The other model learns the same digits
beside pictures of none, which are drawn by chance: two classes, 0 for a digit and 1 for none. The trainings stay in
runs/learnt, runs/shipped and runs/not-digit and are resumed there; both models go into the package with one manifest.
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
LEARNT, READER, NOT_DIGIT = (ROOT / "runs" / name for name in ("learnt", "shipped", "not-digit"))
PICTURES = ROOT / "runs" / "digit-or-not.npz"
WRITTEN, NONE = 20_000, 40_000  # digits in rare styles, and pictures of none, beside MNIST's 60,000

READS = (
    "--preset", "best", "--filters", "24, 32 32, 128 128", "--epochs", "60",
    "--real-ink", "0.33", "--other-styles", "0.08", "--no-tta",
)  # fmt: skip
# So much augmentation makes a narrow 7 of a flagged 1, and few styles are not enough to tell them apart.
GOES_ON = ("--other-styles", "0.2", "--epochs", "8")
TELLS = ("--filters", "24, 32 32, 96", "--dense", "64", "--real-ink", "0.5", "--epochs", "12")


def main() -> None:
    """Train both, unless that is done, and ship them."""
    mnist.load()
    images, scored = (cache_dir() / "mnist" / f"{part}-images-idx3-ubyte" for part in ("train", "t10k"))
    train(LEARNT, "--train", images, *READS)
    train(READER, "--start-from", LEARNT, "--train", images, "--test", scored, *GOES_ON)
    if not PICTURES.exists():
        draw_pictures()
    train(NOT_DIGIT, "--train", PICTURES, *TELLS)
    ship()


def ship() -> None:
    """Put both models into the package."""
    for run, name in ((READER, ONNX_MODEL), (NOT_DIGIT, NOT_DIGIT_MODEL)):
        with atomic(SHIPPED_RUN / name) as temporary:
            shutil.copy(run / ONNX_MODEL, temporary)
    about = described(READER) | {NOT_DIGIT_MODEL: described(NOT_DIGIT), "made_by": COMMAND}
    write_manifest(SHIPPED_RUN, [ONNX_MODEL, NOT_DIGIT_MODEL], about)


def train(out: Path, *arguments: Path | str) -> None:
    done = subprocess.run([sys.executable, "-m", "inkdigit", "train", "--out", out, *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def draw_pictures() -> None:
    rng = np.random.default_rng(0)
    digits = mnist.load()[0].images
    written = draw_digits(rng.integers(10, size=WRITTEN), rng)
    none = non_digits(NONE, digits, rng)
    labels = np.repeat([0, 1], [len(digits) + len(written), len(none)])
    PICTURES.parent.mkdir(exist_ok=True)
    with atomic(PICTURES) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, images=np.concatenate([digits, written, none]), labels=labels)


def described(run: Path) -> dict[str, Any]:
    """A run's manifest, but for what describes its folder."""
    manifest = dict(read_run(run).manifest)
    del manifest["files"], manifest["format"]
    return manifest


if __name__ == "__main__":
    main()
