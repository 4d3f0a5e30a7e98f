"""Comparisons of runs that misread chosen images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inkdigit.comparison.compare import Comparison, compare_predictions
from inkdigit.comparison.images import ComparedImages
from inkdigit.comparison.settings import SettingDifference
from inkdigit.runs.leaderboard import LeaderboardEntry

LABELS = np.arange(1000) % 10
LONG_NAME = "a run with a <long> name that costs $5 & goes on, goes on, goes on"


def entry(name: str) -> LeaderboardEntry:
    """A run's line; the comparison takes its number of parameters and its training time."""
    return LeaderboardEntry(
        name=name,
        folder=f"runs/{name}",
        preset="fast",
        seed=0,
        parameters=7840,
        scored="1,000 held-out rows",
        scored_sha256="",
        accuracy=0.9,
        low=0.88,
        high=0.92,
        total=1000,
        training_seconds=12.3,
        created="2026-11-22T10:00:00+00:00",
    )


def compared(
    *misread: range, settings: list[SettingDifference] | None = None, names: Sequence[str] = ("a", "b", "c")
) -> Comparison:
    """Runs that misread these of a thousand images."""
    probabilities: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
    for rows in misread:
        predicted = LABELS.copy()
        predicted[list(rows)] = (LABELS[list(rows)] + 1) % 10
        probabilities.append(0.9 * np.eye(10, dtype=np.float32)[predicted] + np.float32(0.01))
    names = names[: len(misread)]
    images = ComparedImages("1,000 images", np.zeros((1000, 28, 28), np.uint8), LABELS, probabilities, ["A note."])
    return compare_predictions(names, list(map(entry, names)), images, settings or [])


def three_runs() -> Comparison:
    """Three runs, one with a long name and one with a name that the pictures' font lacks."""
    setting = SettingDifference("epochs", ["20", "3", "<3>"], "passes")
    return compared(range(4), range(9), range(2, 30), settings=[setting], names=["many", LONG_NAME, "third 数字"])
