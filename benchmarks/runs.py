"""Seconds of `inkdigit runs` on 1,000 run folders and of `inkdigit compare` on two runs, each with a peer.

    .venv/bin/python benchmarks/runs.py RUN RUN

The two runs are compared; the 1,000 folders have copies of the first run's manifest. Each command is a fresh process
that prints to a pipe, and the rounds alternate. The table has medians of the elapsed time, and of the processor time,
which other work on the machine disturbs less. The peer of `runs` only parses the manifests; for that of `compare`, both
models read the same images again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from inkdigit.data import kaggle_csv, mnist
from inkdigit.data.dataset import Dataset
from inkdigit.runs.predictions import read_predictions
from inkdigit.utils.hardware import describe_hardware

ROUNDS = 5
FOLDERS = 1000
PARSE = """
import json, pathlib, sys
for path in pathlib.Path(sys.argv[1]).glob("*/manifest.json"):
    json.loads(path.read_text())
"""


def main() -> None:
    pair = [Path(name) for name in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies(pair[0], folder / "runs")
        images = scored_images(pair[0], folder / "scored.csv")
        inkdigit = [sys.executable, "-m", "inkdigit"]
        compare = [*inkdigit, "compare", *map(str, pair), "--out", str(folder / "comparison")]
        commands = {
            f"`inkdigit runs`, {FOLDERS:,} runs": [*inkdigit, "runs", str(folder / "runs")],
            "parsing their manifests": [sys.executable, "-c", PARSE, str(folder / "runs")],
            f"`inkdigit compare`, two runs on {images:,} images": compare,
            "the same, with the images read again": [*compare, "--data", str(folder / "scored.csv")],
        }
        seconds = {label: [] for label in commands}
        for _ in range(ROUNDS):
            for label, command in commands.items():
                seconds[label].append(elapsed(command))
    print(f"Median of {ROUNDS} alternating rounds; {describe_hardware()}\n")
    print("| command | seconds | processor seconds |\n|---|---:|---:|")
    for label, values in seconds.items():
        wall, processor = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"| {label} | {wall:.2f} | {processor:.2f} |")


def copies(run: Path, folder: Path) -> None:
    """Run folders that differ in name, seed and accuracy."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for seed in range(FOLDERS):
        manifest["settings"]["seed"] = seed
        manifest["figures"]["accuracy"] -= 1e-6
        (folder / f"run-{seed}").mkdir(parents=True)
        (folder / f"run-{seed}" / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def scored_images(run: Path, path: Path) -> int:
    """Write those of MNIST's images on which the run was scored as a CSV; returns how many they are."""
    parts = mnist.load()
    digits = Dataset(
        np.concatenate([p.images for p in parts]), np.concatenate([p.required_labels for p in parts]), "MNIST"
    )
    kept = np.isin(digits.hashes, read_predictions(run).scored)
    kaggle_csv.write_csv(path, Dataset(digits.images[kept], digits.required_labels[kept], "MNIST"))
    return int(kept.sum())


def elapsed(command: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a fresh process."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, processor


if __name__ == "__main__":
    main()
