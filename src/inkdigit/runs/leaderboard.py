"""The runs in a folder, best first, read from their manifests alone: a thousand of them in less than a second."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.runs.build import has_checkpoints
from inkdigit.runs.run import MANIFEST, METRICS, ONNX_MODEL, Run, damaged_manifest, read_run
from inkdigit.utils.printable import printable
from inkdigit.utils.text_table import align_columns

HEADINGS = ("name", "preset", "seed", "params", "accuracy (95 %)", "training", "date")
RIGHT = (2, 3, 4, 5)


@dataclass(frozen=True)
class LeaderboardEntry:
    """A run's line.

    Attributes:
        name, folder: of the run.
        preset, seed: of its settings.
        parameters: number of its weights.
        scored: the rows that it was scored on, in words ("28,000 held-out rows").
        scored_sha256: the fingerprint of those rows; the words of `scored` where an old run has none.
        accuracy, low, high: the accuracy on those rows and its 95 % interval, as fractions.
        total: number of those rows.
        training_seconds: None where the run does not say.
        created: date and time with its offset, ISO 8601.
    """

    name: str
    folder: str
    preset: str
    seed: int
    parameters: int
    scored: str
    scored_sha256: str
    accuracy: float
    low: float
    high: float
    total: int
    training_seconds: float | None
    created: str

    @property
    def ranking(self) -> tuple[str, str]:
        """What runs of one ranking have in common: the rows, and whether a network knew some of them already."""
        return self.scored_sha256, self.scored

    @property
    def moment(self) -> datetime:
        """`created`, in local time."""
        return datetime.fromisoformat(self.created).astimezone()


@dataclass(frozen=True)
class Leaderboard:
    """Runs, and what is wrong with others.

    Attributes:
        entries: grouped by the rows that they were scored on, best first in each group.
        problems: a sentence for each run that is unfinished or unreadable.
    """

    entries: list[LeaderboardEntry]
    problems: list[str]

    def to_json(self) -> dict[str, Any]:
        """The same in types that `json.dumps` takes."""
        return {"runs": [asdict(entry) for entry in self.entries], "problems": self.problems}


def read_leaderboard(folder: Path) -> Leaderboard:
    """Read the runs whose folders lie in `folder`, or the one that `folder` is.

    Raises:
        InkdigitError: `folder` is not a folder.
    """
    if not folder.is_dir():
        raise InkdigitError(
            f"{folder} is not a folder: name the one that holds your runs (`inkdigit runs DIR`).",
            code="folder-not-found",
        )
    entries: list[LeaderboardEntry] = []
    problems: list[str] = []
    for candidate in [folder] if _is_run(folder) else sorted(filter(_is_run, folder.iterdir())):
        try:
            entries.append(leaderboard_entry(read_run(candidate)))
        except InkdigitError as error:
            problems.append(printable(str(error)))
    for unfinished in sorted(filter(has_checkpoints, folder.glob(".*.partial"))):
        out = unfinished.with_name(unfinished.name[1:].removesuffix(".partial"))
        sentence = f"{out} is unfinished: it is in training, or waits for `inkdigit train --resume {out}`."
        problems.append(printable(sentence))
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
            name=printable(run.folder.absolute().name),
            folder=str(run.folder),
            preset=printable(str(settings["preset"])),
            seed=int(settings["seed"]),
            parameters=int(manifest["parameters"]),
            scored=printable(str(figures["scored"])),
            scored_sha256=str(figures.get("scored_sha256") or figures["scored"]),
            accuracy=accuracy,
            low=low,
            high=high,
            total=int(figures["total"]),
            training_seconds=_training_seconds(run),
            created=str(manifest["created"]),
        )
        line.moment  # noqa: B018 (an invalid date is damage too)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise damaged_manifest(run.folder, error) from None
    return line


def _fraction(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not an accuracy")
    return number


def _training_seconds(run: Run) -> float | None:
    """From the manifest; the oldest runs have it in their metrics only."""
    if "training_seconds" in run.manifest["figures"]:
        return float(run.manifest["figures"]["training_seconds"])
    with suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads((run.folder / METRICS).read_text(encoding="utf-8"))["training_seconds"])
    return None


def _ranked(entries: Iterable[LeaderboardEntry]) -> list[LeaderboardEntry]:
    """Group entries by the rows that they were scored on, the group with the newest run first, in it the best first."""
    newest = sorted(entries, key=lambda entry: entry.moment, reverse=True)
    groups: dict[tuple[str, str], list[LeaderboardEntry]] = {}
    for entry in newest:
        groups.setdefault(entry.ranking, []).append(entry)
    return [entry for group in groups.values() for entry in sorted(group, key=lambda entry: -entry.accuracy)]


def leaderboard_table(board: Leaderboard, width: int | None = None) -> str:
    """Write the runs as lines of text, and below them what is wrong.

    Runs scored on different rows are not put in one ranking: each set of rows has its heading.

    Args:
        board: the runs.
        width: of a line, in columns, where that is possible; None for no limit.
    """
    rows = [HEADINGS, *map(_cells, board.entries)]
    header, *lines = align_columns(rows, RIGHT, width)
    headings = _headings(board.entries)
    text: list[str] = []
    above = None
    for entry, line in zip(board.entries, lines, strict=True):
        if entry.ranking != above:
            text += ["", headings[entry.ranking], header]
            above = entry.ranking
        text.append(line)
    return "\n".join([*text[1:], *([""] if text and board.problems else []), *board.problems])


def _headings(entries: Iterable[LeaderboardEntry]) -> dict[tuple[str, str], str]:
    """A heading for each ranking; the fingerprint tells sets of rows with the same words apart."""
    rankings = {entry.ranking for entry in entries}
    repeated = Counter(name for _, name in rankings)
    return {
        (sha256, name): f"Accuracy in % on {name}{f' (data {sha256[:8]})' if repeated[name] > 1 else ''}, "
        "with its 95 % interval"
        for sha256, name in rankings
    }


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
    """Write an accuracy with its interval in percent: `99.59 (99.51–99.66)`."""
    return f"{100 * accuracy:.2f} ({100 * low:.2f}–{100 * high:.2f})"


def format_seconds(seconds: float | None) -> str:
    """Write seconds: `471 s`, or a dash where they are unknown."""
    return "–" if seconds is None else f"{seconds:,.0f} s"
