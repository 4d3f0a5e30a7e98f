"""Several runs on the same images: who is better, by how much, whether by chance, and on which images they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.comparison.images import ComparedImages, new_images, shared_images
from inkdigit.comparison.settings import SettingDifference, setting_differences
from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.evaluation.metrics import Evaluation, difference_interval, evaluate, holm_adjusted, mcnemar_test
from inkdigit.runs.leaderboard import LeaderboardEntry, leaderboard_entry
from inkdigit.runs.run import Run, read_distinct_runs
from inkdigit.utils.printable import printable


@dataclass(frozen=True)
class RunResult:
    """A run and its predictions for the compared images.

    Attributes:
        name: The name of the run folder, or its path if two compared folders have the same name.
        entry: The run's line in the leaderboard.
        probabilities: (N, 10) float32.
        evaluation: Accuracy and other figures of these predictions.
    """

    name: str
    entry: LeaderboardEntry
    probabilities: NDArray[np.float32]
    evaluation: Evaluation


@dataclass(frozen=True)
class PairwiseTest:
    """The first run against another one.

    Attributes:
        first: The first run of the comparison.
        second: The other run.
        only_first: Indices of the images that only the first run reads correctly.
        only_second: Indices of the images that only the second run reads correctly.
        neither: Number of images that both misread.
        difference: Accuracy of the first minus that of the second, a fraction.
        low: Lower end of the 95 % interval of `difference`.
        high: Upper end of the 95 % interval of `difference`.
        p: p-value of McNemar's exact test; adjusted with Holm's method if there are several tests.
    """

    first: RunResult
    second: RunResult
    only_first: NDArray[np.int64]
    only_second: NDArray[np.int64]
    neither: int
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        description: What the compared images are, in words.
        images: (N, 28, 28) uint8; blank where all runs are right, if the images were taken from the runs.
        labels: (N,) int64.
        results: One for each run, in the order given.
        tests: The first run against each other run.
        settings: The settings in which the runs differ.
        notes: Sentences that a reader must know to judge the figures.
    """

    description: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    results: list[RunResult]
    tests: list[PairwiseTest]
    settings: list[SettingDifference]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """The figures in types that `json.dumps` takes."""
        return {
            "rows": self.description,
            "runs": [
                {"name": run.name, "folder": run.entry.folder, "evaluation": run.evaluation.to_json()}
                for run in self.results
            ],
            "duels": [  # the key is older than the name of the class, and programs read it
                {
                    "first": test.first.name,
                    "second": test.second.name,
                    "only_first": len(test.only_first),
                    "only_second": len(test.only_second),
                    "neither": test.neither,
                    "difference": test.difference,
                    "low": test.low,
                    "high": test.high,
                    "p": test.p,
                }
                for test in self.tests
            ],
            "settings": [asdict(difference) for difference in self.settings],
            "notes": self.notes,
        }


def compare_runs(folders: Sequence[Path], data: Dataset | None = None) -> Comparison:
    """Compare the first run with each other run, on images that no run was trained on.

    Args:
        folders: Two or more run folders.
        data: Labelled images. None: the images that all runs were scored on when they were trained, with the
            predictions that they made then.

    Raises:
        InkdigitError: A run cannot be read or was changed, two runs are the same, or no image is left to compare on.
    """
    runs = read_distinct_runs(folders)
    if len(runs) < 2:
        raise InkdigitError("One run cannot be compared: name two or more run folders.", code="run-not-comparable")
    names = _names(runs)
    entries = [leaderboard_entry(run) for run in runs]
    compared = shared_images(runs, names) if data is None else new_images(runs, names, data)
    return compare_predictions(names, entries, compared, setting_differences([run.manifest for run in runs]))


def compare_predictions(
    names: Sequence[str],
    entries: Sequence[LeaderboardEntry],
    compared: ComparedImages,
    settings: list[SettingDifference],
) -> Comparison:
    """Score each run's predictions for the compared images, and test the first run against each other run."""
    results = [
        RunResult(name, entry, probabilities, evaluate(probabilities, compared.labels))
        for name, entry, probabilities in zip(names, entries, compared.probabilities, strict=True)
    ]
    return Comparison(
        description=compared.description,
        images=compared.images,
        labels=compared.labels,
        results=results,
        tests=_pairwise_tests(results, compared.labels),
        settings=settings,
        notes=compared.notes,
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """The folders' names, or their paths if two folders have the same name."""
    names = [run.folder.absolute().name for run in runs]
    return [printable(name) for name in (names if len(set(names)) == len(names) else (str(run.folder) for run in runs))]


def _pairwise_tests(results: Sequence[RunResult], labels: NDArray[np.int64]) -> list[PairwiseTest]:
    first, *others = results
    correct, *correct_others = [result.probabilities.argmax(axis=1) == labels for result in results]
    only_first = [np.flatnonzero(correct & ~other) for other in correct_others]
    only_second = [np.flatnonzero(~correct & other) for other in correct_others]
    counts = [(len(a), len(b)) for a, b in zip(only_first, only_second, strict=True)]
    intervals = [difference_interval(*count, len(labels)) for count in counts]
    p_values = holm_adjusted([mcnemar_test(*count) for count in counts])
    return [
        PairwiseTest(
            first,
            second,
            only_first[i],
            only_second[i],
            neither=int((~correct & ~correct_others[i]).sum()),
            difference=(counts[i][0] - counts[i][1]) / len(labels),
            low=intervals[i][0],
            high=intervals[i][1],
            p=p_values[i],
        )
        for i, second in enumerate(others)
    ]
