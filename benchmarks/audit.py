"""How many flipped labels `inkdigit audit` ranks first: MNIST's 60,000 training images, 1 % of the labels flipped.

.venv/bin/python benchmarks/audit.py
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from inkdigit.data import kaggle_csv, mnist
from inkdigit.data.dataset import Dataset
from inkdigit.utils.hardware import describe_hardware

FLIPPED_SHARE = 0.01


def main() -> None:
    train, _ = mnist.load()
    rng = np.random.default_rng(0)
    flipped = rng.choice(len(train), round(FLIPPED_SHARE * len(train)), replace=False)
    labels = train.required_labels.copy()
    labels[flipped] = (labels[flipped] + rng.integers(1, 10, len(flipped))) % 10
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.csv"
        kaggle_csv.write_csv(path, Dataset(train.images, labels, "flipped"))
        started = time.perf_counter()
        command = [sys.executable, "-m", "inkdigit", "audit", path, "--out", folder]
        subprocess.run(command, check=True, stdout=sys.stderr)
        seconds = time.perf_counter() - started
        with (Path(folder) / "doubtful.csv").open() as file:
            order = [int(row["row"]) for row in csv.DictReader(file)]
    planted = np.isin(order, flipped)
    print(f"{len(train):,} rows, {len(flipped)} labels flipped; {seconds:.0f} s; {describe_hardware()}\n")
    print("| first | rows | flipped labels among them |\n|---:|---:|---:|")
    for share in (0.01, 0.012, 0.015, 0.02, 0.03):
        rows = round(share * len(train))
        found = planted[:rows].sum()
        print(f"| {100 * share:.1f} % | {rows:,} | {found} ({100 * found / len(flipped):.1f} %) |")


if __name__ == "__main__":
    main()
