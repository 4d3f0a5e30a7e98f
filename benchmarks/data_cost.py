"""Accuracy and seconds of `fast` against the number of training rows, Kaggle protocol, split and seed 0.

    .venv/bin/python benchmarks/data_cost.py

Finished trainings are kept under runs/ and reused. The report of the largest draws the same as a curve.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from inkdigit import machine

ROWS = (1_000, 5_000, 10_000, 20_000, 0)  # 0: all but the validation rows


def main() -> None:
    print(f"Preset fast, 28,000 rows scored; {machine.hardware()}\n", flush=True)
    print(
        "| training rows | accuracy | 95 % interval | training | seconds per 1,000 rows |\n|---:|---:|---:|---:|---:|"
    )
    for rows in ROWS:
        out = Path("runs") / f"data-cost-{rows or 'all'}"
        command = [sys.executable, "-m", "inkdigit", "train", "--training-rows", str(rows), "--out", str(out)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        figures = json.loads((out / "manifest.json").read_text())["figures"]
        learnt, seconds = figures["training_rows"], figures["training_seconds"]
        interval = f"{100 * figures['low']:.2f}–{100 * figures['high']:.2f}"
        accuracy = f"{100 * figures['accuracy']:.2f} %"
        print(f"| {learnt:,} | {accuracy} | {interval} | {seconds:.0f} s | {1000 * seconds / learnt:.1f} |", flush=True)


if __name__ == "__main__":
    main()
