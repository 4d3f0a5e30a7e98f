"""What `inkdigit tune` is worth: two trials at a time beside one, and a search of a fixed time beside the defaults.

    .venv/bin/python benchmarks/tuning.py [--minutes 30] [--rows 20000] [--epochs 8]

First a fixed list of trials of two epochs, too short and too few to be stopped early or drawn from each other, with
`--jobs 1` and `--jobs 2` in alternating rounds. Then a search of some minutes, stopping hopeless trials, beside its
own first trial, the preset `fast`; since the best of many trials looks better than it is, both are trained again from
several seeds and scored on those of Kaggle's 42,000 training rows that no trial saw. No test label is read.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from inkdigit.data import kaggle_csv, split
from inkdigit.utils.hardware import describe_hardware

INKDIGIT = [sys.executable, "-m", "inkdigit"]


def main() -> None:
    options = parsed()
    rows, _ = split.kaggle_split(seed=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        order = np.random.default_rng(0).permutation(len(rows))
        kaggle_csv.write_csv(folder / "rows.csv", rows.take(order[: options.rows]))
        kaggle_csv.write_csv(folder / "rest.csv", rows.take(order[options.rows :]))
        print(f"{options.rows:,} rows, a tenth of them held out; preset `fast`; {describe_hardware()}\n", flush=True)
        side_by_side(folder, options)
        search(folder, options)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    sizes = {"rows": 20_000, "trials": 10, "rounds": 3, "epochs": 8, "seeds": 3}
    for size, default in sizes.items():
        parser.add_argument(f"--{size}", type=int, default=default)
    parser.add_argument("--minutes", type=float, default=30)
    return parser.parse_args()


def side_by_side(folder: Path, options: argparse.Namespace) -> None:
    """Seconds of a fixed list of trials, one at a time and two."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    lists: list[list[tuple[str, ...]]] = []
    for number in range(options.rounds):
        for jobs, taken in seconds.items():
            out = folder / f"jobs-{jobs}-{number}"
            started = time.perf_counter()
            tune(folder, "--epochs", 2, "--trials", options.trials, "--jobs", jobs, "--out", out)
            taken.append(time.perf_counter() - started)
            lists.append([tuple(row.values())[6:] for row in read(out)])
    same = all(points == lists[0] for points in lists)
    one, two = (statistics.median(taken) for taken in seconds.values())
    verdict = "the same trials" if same else "DIFFERENT TRIALS"
    print(f"{options.trials} trials of 2 epochs, {verdict}, median of {options.rounds} alternating rounds:\n")
    print("| | seconds |\n|---|---:|")
    print(
        f"| `--jobs 1` | {one:.1f} |\n| `--jobs 2` | {two:.1f} |\n| **times as fast** | **{one / two:.2f}** |\n",
        flush=True,
    )


def search(folder: Path, options: argparse.Namespace) -> None:
    """Losses of the settings a search finds and of those it starts from."""
    out = folder / "search"
    # Here one job: what the search knows of earlier trials is then everything.
    tune(folder, "--epochs", options.epochs, "--timeout", options.minutes, "--out", out)
    trials = read(out)
    complete = [row for row in trials if row["state"] == "complete"]
    best = min(complete, key=lambda row: float(row["loss"]))
    pruned = sum(row["state"] == "pruned" for row in trials)
    ended = f"{len(complete)} came to their end, {pruned} were stopped early"
    print(f"A search of {options.minutes:g} minutes, trials of {options.epochs} epochs: {ended}.")
    print("Losses in nats, at a fitted temperature:\n")
    print(f"| | validation loss of the search | on {42_000 - options.rows:,} other rows, {options.seeds} seeds |")
    print("|---|---:|---:|")
    candidates: dict[str, tuple[dict[str, str], list[object]]] = {
        "preset `fast`": (trials[0], ["--preset", "fast"]),
        "the best found": (best, ["--config", out / "best.toml"]),
    }
    for name, (row, settings) in candidates.items():
        losses = [other_rows(folder, settings, seed, options.epochs) for seed in range(options.seeds)]
        spread = f" ± {statistics.stdev(losses):.4f}" if len(losses) > 1 else ""
        print(f"| {name} | {float(row['loss']):.4f} | {statistics.mean(losses):.4f}{spread} |", flush=True)
    print("\nThe best found: " + ", ".join(f"`{setting}` {value}" for setting, value in list(best.items())[6:-1]))


def other_rows(folder: Path, settings: list[object], seed: int, epochs: int) -> float:
    """Train with settings and a seed; the loss on the rows that no trial saw."""
    out = folder / f"{settings[0]}-{seed}".strip("-")
    inkdigit("train", "--train", folder / "rows.csv", *settings, "--epochs", epochs, "--seed", seed, "--out", out)
    return json.loads(inkdigit("evaluate", out, "--data", folder / "rest.csv", "--json"))["nll"]


def tune(folder: Path, *arguments: object) -> None:
    inkdigit("tune", "--train", folder / "rows.csv", *arguments)


def inkdigit(*arguments: object) -> str:
    """What the command prints."""
    command = [*INKDIGIT, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout


def read(out: Path) -> list[dict[str, str]]:
    """A search's trials."""
    with (out / "trials.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
