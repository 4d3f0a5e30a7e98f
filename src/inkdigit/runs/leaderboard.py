"""The runs in a folder, the best first, from their manifests alone: a thousand of them in less than a second."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import MANIFEST, ONNX_MODEL, Run, has_checkpoints, read_run
from inkdigit.utils.text_table import align_columns

HEADINGS = ("name", "preset", "seed", "params", "accuracy (95 %)", "training", "date")
RIGHT = (2, 3, 4, 5)


@dataclass(frozen=True)
class LeaderboardEntry:
    """A run's line.

    accuracy, low, high: the accuracy on `scored` ("28,000 held-out rows") and its 95 % interval, as fractions.
    training_seconds: None where the run does not say. created: date and time with its offset, ISO 8601.
    """

    name: str
    folder: str
    preset: str
    seed: int
    parameters: int
    scored: str
    accuracy: float
    low: float
    high: float
    total: int
    training_seconds: float | None
    created: str

    @property
    def moment(self) -> datetime:
        """`created`, in local time."""
        return datetime.fromisoformat(self.created).astimezone()


@dataclass(frozen=True)
class Leaderboard:
    """entries: best first among those scored alike. problems: a sentence for each run unfinished or unreadable."""

    entries: list[LeaderboardEntry]
    problems: list[str]

    def to_json(self) -> dict[str, Any]:
        """The same in types that `json.dumps` takes."""
        return {"runs": [asdict(entry) for entry in self.entries], "problems": self.problems}


def read_leaderboard(folder: Path) -> Leaderboard:
    """The runs whose folders lie in `folder`, or the one that `folder` is. InkdigitError if it is no folder."""
    if not folder.is_dir():
        raise InkdigitError(f"{folder} is not a folder: name the one that holds your runs (`inkdigit runs DIR`).")
    entries: list[LeaderboardEntry] = []
    problems: list[str] = []
    for candidate in [folder] if _is_run(folder) else sorted(filter(_is_run, folder.iterdir())):
        try:
            entries.append(leaderboard_entry(read_run(candidate)))
        except InkdigitError as error:
            problems.append(str(error))
    for unfinished in sorted(filter(has_checkpoints, folder.glob(".*.partial"))):
        out = unfinished.with_name(unfinished.name[1:].removesuffix(".partial"))
        problems.append(f"{out} is unfinished: it is in training, or waits for `inkdigit train --resume {out}`.")
    return Leaderboard(_ranked(entries), problems)


def _is_run(folder: Path) -> bool:
    return not folder.name.startswith(".") and any((folder / name).is_file() for name in (MANIFEST, ONNX_MODEL))


def leaderboard_entry(run: Run) -> LeaderboardEntry:
    """A run's line, from its manifest. Raises InkdigitError where that does not say what it should."""
    manifest = run.manifest
    try:
        figures, settings = manifest["figures"], manifest["settings"]
        accuracy, low, high = (_fraction(figures[name]) for name in ("accuracy", "low", "high"))
        line = LeaderboardEntry(
            name=run.folder.absolute().name,
            folder=str(run.folder),
            preset=str(settings["preset"]),
            seed=int(settings["seed"]),
            parameters=int(manifest["parameters"]),
            scored=str(figures["scored"]),
            accuracy=accuracy,
            low=low,
            high=high,
            total=int(figures["total"]),
            training_seconds=_training_seconds(run),
            created=str(manifest["created"]),
        )
        line.moment  # noqa: B018 (a date that is none is damage too)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InkdigitError(
            f"{run.folder / MANIFEST} is damaged ({error}): train again, or restore the file."
        ) from None
    return line


def _fraction(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no accuracy")
    return number


def _training_seconds(run: Run) -> float | None:
    """From the manifest; runs that are older than its saying so have it in their metrics."""
    if "training_seconds" in run.manifest["figures"]:
        return float(run.manifest["figures"]["training_seconds"])
    with suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))["training_seconds"])
    return None


def _ranked(entries: Iterable[LeaderboardEntry]) -> list[LeaderboardEntry]:
    """Grouped by what they were scored on, the group with the newest run first; within a group the best first."""
    newest = sorted(entries, key=lambda entry: entry.moment, reverse=True)
    groups: dict[str, list[LeaderboardEntry]] = {}
    for entry in newest:
        groups.setdefault(entry.scored, []).append(entry)
    return [entry for group in groups.values() for entry in sorted(group, key=lambda entry: -entry.accuracy)]


def leaderboard_table(board: Leaderboard, width: int | None = None) -> str:
    """The runs as lines of text, in at most `width` columns where that can be, and below them what is wrong.

    Runs scored on different sets are not put in one ranking: each set has its heading.
    """
    rows = [HEADINGS, *map(_cells, board.entries)]
    header, *lines = align_columns(rows, RIGHT, width)
    text: list[str] = []
    above = ""
    for entry, line in zip(board.entries, lines, strict=True):
        if entry.scored != above:
            text += ["", f"Accuracy in % on {entry.scored}, with its 95 % interval", header]
            above = entry.scored
        text.append(line)
    return "\n".join([*text[1:], *([""] if text and board.problems else []), *board.problems])


def _cells(entry: LeaderboardEntry) -> tuple[str, ...]:
    return (
        entry.name,
        entry.preset,
        str(entry.seed),
        f"{entry.parameters:,}",
        format_accuracy(entry.accuracy, entry.low, entry.high),
        format_seconds(entry.training_seconds),
        entry.moment.date().isoformat(),
    )


def format_accuracy(accuracy: float, low: float, high: float) -> str:
    """An accuracy with its interval: `99.59 (99.51–99.66)`."""
    return f"{100 * accuracy:.2f} ({100 * low:.2f}–{100 * high:.2f})"


def format_seconds(seconds: float | None) -> str:
    """`471 s`, and a dash for what is not known."""
    return "–" if seconds is None else f"{seconds:,.0f} s"
