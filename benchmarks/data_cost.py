"""Accuracy and seconds of `fast` against the number of training rows, Kaggle protocol, split and seed 0.

    .venv/bin/python benchmarks/data_cost.py

Finished trainings are kept under runs/ and reused. The plot goes to docs/pictures/data-cost.png.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from matplotlib import rc_context

from inkdigit.report import style
from inkdigit.utils.hardware import describe_hardware

PLOT = Path(__file__).parents[1] / "docs" / "pictures" / "data-cost.png"
ROWS = (1_000, 5_000, 10_000, 20_000, 0)  # 0: all except the validation rows


def main() -> None:
    print(f"Preset fast, 28,000 rows scored; {describe_hardware()}\n", flush=True)
    print(
        "| training rows | accuracy | 95 % interval | training | seconds per 1,000 rows |\n|---:|---:|---:|---:|---:|"
    )
    points: list[dict[str, Any]] = []
    for rows in ROWS:
        out = Path("runs") / f"data-cost-{rows or 'all'}"
        command = [sys.executable, "-m", "inkdigit", "train", "--training-rows", str(rows), "--out", str(out)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        figures = json.loads((out / "manifest.json").read_text())["figures"]
        points.append(figures)
        trained_on, seconds = figures["training_rows"], figures["training_seconds"]
        interval = f"{100 * figures['low']:.2f}–{100 * figures['high']:.2f}"
        accuracy = f"{100 * figures['accuracy']:.2f} %"
        print(
            f"| {trained_on:,} | {accuracy} | {interval} | {seconds:.0f} s | {1000 * seconds / trained_on:.1f} |",
            flush=True,
        )
    with rc_context(style.STYLE):
        draw(points)


def draw(points: list[dict[str, Any]]) -> None:
    """Errors with their intervals, and seconds, against rows; all axes are logarithmic."""
    rows = [point["training_rows"] for point in points]
    figure = style.chart_figure(2.9)
    left, right = figure.subplots(1, 2)
    errors = [100 * (1 - point["accuracy"]) for point in points]
    below = [100 * (point["high"] - point["accuracy"]) for point in points]
    above = [100 * (point["accuracy"] - point["low"]) for point in points]
    left.errorbar(rows, errors, [below, above], color=style.BLUE, marker="o", markersize=4, capsize=3)
    left.set(title="Misread, % of 28,000", yscale="log", yticks=[0.3, 0.5, 1, 2], yticklabels=["0.3", "0.5", "1", "2"])
    left.set_yticks([], minor=True)
    seconds = [point["training_seconds"] for point in points]
    slope = seconds[-1] / rows[-1]
    right.plot(rows, [slope * row for row in rows], color=style.MUTED, linewidth=1, linestyle="--")
    right.plot(rows, seconds, color=style.RED, marker="o", markersize=4)
    right.text(rows[1], slope * rows[1] * 0.62, "in proportion to rows", color=style.MUTED, va="top")
    right.set(title="Training, seconds", yscale="log")
    ticks = [10, 30, 100, 300]
    right.set_yticks(ticks, list(map(str, ticks)))
    right.set_yticks([], minor=True)
    for axes in (left, right):
        axes.set(xscale="log", xlabel="training rows")
        axes.set_xticks(rows, [f"{row:,}" if row < 2000 else f"{round(row / 1000)}k" for row in rows])
        axes.set_xticks([], minor=True)
    figure.savefig(PLOT)


if __name__ == "__main__":
    main()
