"""Accuracy of an MNIST network on other handwriting (Semeion), before and after training on 300 digits of it.

    .venv/bin/python benchmarks/fine_tuning.py semeion.npz runs/demo

The file has `x`, (1593, 16, 16) uint8 with bright ink, and `y`. Its digits become a folder of pictures, as users have
them. Three seeds each choose 300 digits for training; the others are scored.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inkdigit.utils.hardware import describe_hardware

TRAINING_DIGITS = 300
INKDIGIT = [sys.executable, "-m", "inkdigit"]


def main() -> None:
    with np.load(sys.argv[1], allow_pickle=False) as arrays:
        images, labels = arrays["x"], arrays["y"]
    print(f"{TRAINING_DIGITS} of {len(images):,} digits for training, the others scored; {describe_hardware()}\n")
    print("| seed | before | after | 95 % interval | training |\n|---:|---:|---:|---:|---:|")
    for seed in range(3):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            order = np.random.default_rng(seed).permutation(len(images))
            for part, rows in (("train", order[:TRAINING_DIGITS]), ("scored", order[TRAINING_DIGITS:])):
                for row in rows:
                    picture = folder / part / str(labels[row]) / f"{row}.png"
                    picture.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(np.pad(images[row], 4)).save(picture)
            before = score(sys.argv[2], folder / "scored")
            train = ["train", "--start-from", sys.argv[2], "--train", folder / "train", "--seed", str(seed)]
            subprocess.run([*INKDIGIT, *train, "--out", folder / "run"], check=True, stdout=sys.stderr)
            after = score(folder / "run", folder / "scored")
            seconds = json.loads((folder / "run" / "metrics.json").read_text())["training_seconds"]
            interval = f"{100 * after['low']:.2f}–{100 * after['high']:.2f}"
            figures = f"{100 * before['accuracy']:.2f} % | {100 * after['accuracy']:.2f} % | {interval}"
            print(f"| {seed} | {figures} | {seconds:.0f} s |", flush=True)


def score(run: str | Path, folder: Path) -> dict[str, Any]:
    command = [*INKDIGIT, "evaluate", run, "--data", folder, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
