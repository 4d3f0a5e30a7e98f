"""The records: `best`, `record` with its student, and `tiny`, on Kaggle's protocol and on MNIST's.

    .venv/bin/python benchmarks/records.py train [--only kaggle mnist tiny] [--minutes 50]
    .venv/bin/python benchmarks/records.py score [--only kaggle mnist tiny]

`train` continues where it was stopped, epoch by epoch, on CPU or GPU. Its file of training rows lacks the images that
are scored. The members of a `record` are `best` from five seeds, so one training gives the mean and spread of a single
network, the ensemble and the student. `score` is the last step and refuses to run before all networks are trained: no
other step uses the labels of the scored images.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inkdigit.data import mnist
from inkdigit.data.dataset import Dataset
from inkdigit.data.split import kaggle_split
from inkdigit.evaluation.metrics import evaluate, wilson_interval
from inkdigit.export.int8 import to_int8
from inkdigit.export.tta import SHIFTS
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import MANIFEST, ONNX_MODEL, read_run, read_verified
from inkdigit.training import backend
from inkdigit.training.teacher import recognizer_without_tta
from inkdigit.utils.files import atomic

RUNS = Path("runs") / "records"
RESULTS = Path(__file__).parent / "records.json"
SEEDS = 5
CALIBRATION = 1000  # training images that the int8 model's scales are taken from
PARTS = ("kaggle", "mnist", "tiny")


@dataclass(frozen=True)
class Row:
    """A line of the table: the runs of one recipe, scored in the same way."""

    recipe: str
    protocol: str
    folders: list[Path]
    one_view: bool = False
    int8: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["train", "score"])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="stop after that time; the next call continues"
    )
    arguments = parser.parse_args()
    if arguments.step == "score":
        score(arguments.only)
        return
    end = time.monotonic() + 60 * arguments.minutes
    for command in trainings(arguments.only):
        if not finished_by(end, command):
            print("Out of time: the same command continues.")
            return


def trainings(parts: list[str]) -> Iterator[list[str]]:
    """The commands that train every network to score. A finished run is left as it is."""
    train = [sys.executable, "-m", "inkdigit", "train", "--train"]
    for part in parts:
        rows = str(training_rows(part))
        if part == "tiny":
            for seed, folder in enumerate(tiny_folders()):
                yield [*train, rows, "--preset", "tiny", "--seed", str(seed), "--out", str(folder)]
        else:
            yield [*train, rows, "--preset", "record", "--members", str(SEEDS), "--out", str(RUNS / part / "record")]


def training_rows(part: str) -> Path:
    """A file with the training rows, and no others."""
    path = RUNS / ("kaggle.npz" if part == "kaggle" else "mnist.npz")
    if not path.is_file():
        rows = kaggle_split(seed=0)[0] if part == "kaggle" else mnist.load()[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, images=rows.images, labels=rows.required_labels)
    return path


def finished_by(end: float, command: list[str]) -> bool:
    """Run a training until `end` and return whether it finished. It is stopped as by Ctrl-C: one epoch is lost."""
    process = subprocess.Popen(command)
    try:
        process.wait(None if end == float("inf") else max(end - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()
        return False
    if process.returncode:
        sys.exit(process.returncode)
    return True


def tiny_folders() -> list[Path]:
    return [RUNS / "mnist" / f"tiny-{seed}" for seed in range(SEEDS)]


def table_rows(part: str) -> list[Row]:
    if part == "tiny":
        return [Row("tiny", "mnist", tiny_folders()), Row("tiny, int8", "mnist", tiny_folders(), int8=True)]
    record = RUNS / part / "record"
    members = [record.with_name(f"record-member-{number + 1}") for number in range(SEEDS)]
    return [
        Row("best", part, members),
        Row("best, one view", part, members, one_view=True),
        Row("record", part, [record]),
        Row("record's student", part, [record.with_name("record-student")]),
    ]


def score(parts: list[str]) -> None:
    """Score the networks, now that all are trained and chosen; print the table, and keep it for the model card."""
    rows = [row for part in parts for row in table_rows(part)]
    missing = [str(folder) for row in rows for folder in row.folders if not (folder / MANIFEST).is_file()]
    if missing:
        sys.exit(f"Not finished: {', '.join(missing)}. Run `train` first.")
    scored = {"kaggle": lambda: kaggle_split(seed=0)[1], "mnist": lambda: mnist.load()[1]}
    digits = {protocol: scored[protocol]() for protocol in {row.protocol for row in rows}}
    print("| recipe | protocol | accuracy | errors | 95 % interval | ECE | parameters | training | hardware |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---|")
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for row in rows:
        result = scored_row(row, digits[row.protocol])
        kept[f"{row.protocol}: {row.recipe}"] = result
        print(markdown(row, result), flush=True)
    with atomic(RESULTS) as temporary:
        temporary.write_text(json.dumps(kept, indent=1) + "\n")


def scored_row(row: Row, digits: Dataset) -> dict[str, Any]:
    manifests = [read_run(folder).manifest for folder in row.folders]
    evaluations = [
        evaluate(recognizer(folder, row).predict_proba(digits.images), digits.required_labels) for folder in row.folders
    ]
    return {
        "correct": [evaluation.correct for evaluation in evaluations],
        "total": len(digits),
        "ece": [evaluation.ece for evaluation in evaluations],
        "parameters": manifests[0]["parameters"],
        "multiply_adds": manifests[0]["multiply_adds"] // (len(SHIFTS) if row.one_view else 1),
        "seconds": [manifest["figures"]["training_seconds"] for manifest in manifests],
        "hardware": manifests[0]["hardware"],
    }


def recognizer(folder: Path, row: Row) -> Recognizer:
    if row.one_view:
        backend.prepare()
        return recognizer_without_tta(folder)
    if not row.int8:
        return Recognizer.load(folder)
    with np.load(training_rows("mnist")) as rows:
        return Recognizer(to_int8(read_verified(folder, ONNX_MODEL), rows["images"][:CALIBRATION]))


def markdown(row: Row, result: dict[str, Any]) -> str:
    accuracies = [100 * correct / result["total"] for correct in result["correct"]]
    spread = f" ± {statistics.stdev(accuracies):.3f} ({len(accuracies)} seeds)" if len(accuracies) > 1 else ""
    # The interval of one network: the seeds are scored on the same images, and misread mostly the same ones.
    low, high = wilson_interval(round(statistics.mean(result["correct"])), result["total"])
    errors = ", ".join(str(result["total"] - correct) for correct in result["correct"])
    return (
        f"| {row.recipe} | {row.protocol} | {statistics.mean(accuracies):.3f} %{spread} | {errors} "
        f"| {100 * low:.2f}–{100 * high:.2f} | {statistics.mean(result['ece']):.4f} | {result['parameters']:,} "
        f"| {statistics.mean(result['seconds']) / 60:.0f} min | {result['hardware']} |"
    )


if __name__ == "__main__":
    main()
