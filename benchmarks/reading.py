"""Digits in photos and on cheques: how many are read wrong.

    .venv/bin/python benchmarks/reading.py DATA [--show]

DATA is a folder with photos/ and strings/, each with pictures and a labels.csv: file, digits (lines parted by "/"), and
perhaps order_fixed (0: only which digits there are is compared). What is not there is left out. The character error
rate is the edit distance over the length of the truth, the lines' breaks not counted. --show: every picture that is not
read right.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

from inkdigit import machine
from inkdigit.imaging.decode import decode
from inkdigit.imaging.lines import Layout, strips
from inkdigit.reading.cuts import read_strips
from inkdigit.recognizer import Recognizer


def main() -> None:
    recognizer = Recognizer.load()
    print(f"{machine.hardware()}\n")
    print("| pictures | of | errors | of digits | CER | exact lines | of | seconds a picture, the most |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in ("photos", "strings"):
        folder = Path(sys.argv[1]) / name
        if folder.exists():
            score(recognizer, folder, "page" if name == "photos" else "line")


def score(recognizer: Recognizer, folder: Path, layout: Layout) -> None:
    wrong = total = exact = lines = pictures = 0
    times: list[float] = []
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        started = time.perf_counter()
        picture = decode((folder / row["file"]).read_bytes(), row["file"])
        found = strips(picture, layout)
        every = [strip.image for line in found.lines for strip in line]
        answers = iter(read_strips(every, recognizer))
        read: list[str] = []
        for line in found.lines:
            digits = [digit for _ in line for digit in next(answers)]
            if digits:
                read.append("".join(str(digit.probabilities.argmax()) for digit in digits))
        times.append(time.perf_counter() - started)
        truth = row["digits"].split("/")
        if row.get("order_fixed") == "0":
            read, truth = ["".join(sorted("".join(read)))], ["".join(sorted("".join(truth)))]
        errors = distance("".join(read), "".join(truth))
        right = matched(read, truth)
        wrong, total, exact, lines = wrong + errors, total + len("".join(truth)), exact + right, lines + len(truth)
        pictures += 1
        if "--show" in sys.argv and (errors or right < len(truth)):
            print(f"    {row['file']}: {'/'.join(read)}, not {'/'.join(truth)}")
    share = f"{100 * wrong / total:.2f} %"
    print(f"| {folder.name} | {pictures} | {wrong} | {total} | {share} | {exact} | {lines} | {max(times):.2f} |")


def distance(one: str, other: str) -> int:
    """The least number of characters to put in, take out or change (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, 1):
        above, row[0] = row[0], number
        for k, right in enumerate(other, 1):
            above, row[k] = row[k], min(above + (left != right), row[k] + 1, row[k - 1] + 1)
    return row[-1]


def matched(read: list[str], truth: list[str]) -> int:
    """How many lines of the truth are read right, in their order: the longest common subsequence of lines."""
    row = [0] * (len(truth) + 1)
    for line in read:
        above = 0
        for k, right in enumerate(truth, 1):
            above, row[k] = row[k], above + 1 if line == right else max(row[k], row[k - 1])
    return row[-1]


if __name__ == "__main__":
    main()
