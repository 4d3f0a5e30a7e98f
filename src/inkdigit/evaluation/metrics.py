"""Predictions and labels -> figures with intervals.

Probabilities are (N, 10) floats whose rows sum to 1, labels (N,) integers in 0–9. Empty sets raise ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from inkdigit.evaluation.calibration import negative_log_likelihood, require_rows

MIN_SHOWN_DOUBT = 1e-6  # smaller doubts share the first bin of the reliability curve
Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution: 95 % lie within ±Z95


class ClassFigures(TypedDict):
    """The figures of one digit; a ratio is None where its denominator is 0."""

    digit: int
    count: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class Evaluation:
    """How good a set of predictions is.

    Attributes:
        accuracy: share of correct predictions, a fraction.
        low: lower end of its 95 % Wilson interval, a fraction.
        high: upper end, a fraction.
        correct: number of images predicted correctly.
        total: number of images.
        per_class: ten rows, one per digit.
        confusion: (10, 10) int64; rows are true digits, columns predicted ones.
        ece: expected calibration error, a fraction.
        nll: mean negative log-likelihood, in nats.
    """

    accuracy: float
    low: float
    high: float
    correct: int
    total: int
    per_class: list[ClassFigures]
    confusion: NDArray[np.int64]
    ece: float
    nll: float

    def __str__(self) -> str:
        """The accuracy as it is always printed: `99.62 % (95 % interval 99.54–99.69, 28,000 images)`."""
        interval = f"{100 * self.low:.2f}–{100 * self.high:.2f}"
        return f"{percent(self.accuracy)} (95 % interval {interval}, {self.total:,} images)"

    def to_json(self) -> dict[str, Any]:
        """Return the figures in types that `json.dumps` takes."""
        return asdict(self) | {"confusion": self.confusion.tolist()}


def evaluate(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> Evaluation:
    """Compute all figures of a set of predictions; the digit predicted is the most probable one."""
    require_rows(labels)
    confusion = confusion_matrix(probabilities.argmax(axis=1), labels)
    correct, total = int(np.trace(confusion)), int(confusion.sum())
    low, high = wilson_interval(correct, total)
    return Evaluation(
        accuracy=correct / total,
        low=low,
        high=high,
        correct=correct,
        total=total,
        per_class=_per_class(confusion),
        confusion=confusion,
        ece=expected_calibration_error(probabilities, labels),
        nll=negative_log_likelihood(probabilities, labels),
    )


def evaluation_table(evaluation: Evaluation) -> str:
    """Format all figures as text for a terminal."""
    lines = [f"Accuracy {evaluation}", "", "digit   images    recall  precision        F1"]
    for row in evaluation.per_class:
        ratios = ["–" if x is None else percent(x) for x in (row["recall"], row["precision"], row["f1"])]
        lines.append(f"{row['digit']:5}  {row['count']:7,}  {ratios[0]:>8}   {ratios[1]:>8}  {ratios[2]:>8}")
    calibration = f"expected calibration error {percent(evaluation.ece)}"
    return "\n".join([*lines, "", f"Calibration: {calibration}, negative log-likelihood {evaluation.nll:.4f}"])


def percent(fraction: float) -> str:
    """Format a fraction as a percentage with two decimals: 0.9962 -> `99.62 %`."""
    return f"{100 * fraction:.2f} %"


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion, as two fractions.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209–212.
    It holds near 100 % too, where ±1.96 standard errors vanish or pass 1.

    Raises:
        ValueError: `total` is 0, or less than `correct`.
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"no proportion: {correct} of {total}")
    p, spread = correct / total, Z95**2 / total
    centre = p + spread / 2
    half = math.sqrt(spread * (p * (1 - p) + spread / 4))
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return (0.0 if correct == 0 else low), (1.0 if correct == total else high)


def mcnemar_test(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of the hypothesis that two models are equally good.

    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947) 153–157, with the binomial distribution itself in place of its approximation: where the
    models are equally good, each image that only one reads correctly is the toss of a coin.

    Args:
        only_first: number of images that only the first model reads correctly.
        only_second: number of images that only the second model reads correctly.
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    ways = tail = 1  # of choosing no image, then one, two, …; whole numbers, so exact for any count
    for chosen in range(fewer):
        ways = ways * (total - chosen) // (chosen + 1)
        tail += ways
    return 2 * tail / 2**total


def difference_interval(only_first: int, only_second: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of the first model's accuracy minus the second's, as two fractions.

    The Wald interval with half an image added to each cell of the 2×2 table: Agresti, Min, "Simple improved confidence
    intervals for comparing matched proportions", Statistics in Medicine 24 (2005) 729–740.

    Args:
        only_first: number of images that only the first model reads correctly.
        only_second: number of images that only the second model reads correctly.
        total: number of images that both were scored on.

    Raises:
        ValueError: the numbers do not belong together.
    """
    if not 0 < total >= only_first + only_second:
        raise ValueError(f"no difference of proportions: {only_first} and {only_second} of {total}")
    centre = (only_first - only_second) / (total + 2)
    half = Z95 * math.sqrt(only_first + only_second + 1 - (total + 2) * centre**2) / (total + 2)
    return max(centre - half, -1.0), min(centre + half, 1.0)


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """Adjust the p-values of several tests: the chance of a false alarm below 0.05 is 5 % for all tests together.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979) 65–70.
    """
    adjusted, largest = list(p_values), 0.0
    for rank, test in enumerate(sorted(range(len(p_values)), key=lambda test: p_values[test])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[test]))
        adjusted[test] = largest
    return adjusted


def confusion_matrix(predictions: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Count predictions: (10, 10) int64, row = true digit, column = predicted digit."""
    cells = np.bincount(10 * labels + predictions, minlength=100)
    return cells.reshape(10, 10).astype(np.int64)


def expected_calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], bins: int = 15
) -> float:
    """Return the mean distance between confidence and the accuracy at that confidence, a fraction.

    Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; but with
    bins of equal mass, since nearly all rows of a good model fall into one of several bins of equal width.
    """
    require_rows(labels)
    guesses = probabilities.argmax(axis=1)
    doubts, wrong = doubt(probabilities, guesses), guesses != labels
    order = np.argsort(doubts, kind="stable")
    # |mean doubt − error rate| of a bin, weighted by its share of the rows, is |sum of differences| / N.
    gaps = [abs(part.sum()) for part in np.array_split((doubts - wrong)[order], bins)]
    return float(sum(gaps) / len(labels))


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of about the same confidence.

    Attributes:
        doubt: mean of 1 − confidence.
        wrong: how many were predicted wrongly.
        total: how many they are.
    """

    doubt: float
    wrong: int
    total: int


def reliability_curve(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> list[ReliabilityBin]:
    """Group rows by half-decades of doubt (…, 0.001–0.003, 0.003–0.01, …), the most confident rows first.

    A good model is more than 99 % confident of nearly all rows: only logarithmic bins show a difference. Rows with
    a doubt below one in a million share the first bin; empty bins are left out.
    """
    require_rows(labels)
    guesses = probabilities.argmax(axis=1)
    doubts, wrong = doubt(probabilities, guesses), guesses != labels
    group = np.floor(2 * np.log10(np.maximum(doubts, MIN_SHOWN_DOUBT))).astype(int)
    members = [group == value for value in np.unique(group)]
    return [ReliabilityBin(float(doubts[m].mean()), int(wrong[m].sum()), int(m.sum())) for m in members]


def confident_mistakes(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], count: int = 24
) -> NDArray[np.int64]:
    """Return the rows predicted wrongly with the most confidence, the worst first, at most `count` of them."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    confidence = probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")][:count]


def typical_and_strange(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], count: int = 10
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the rows of each digit whose true digit has the highest probability, and those where it has the lowest.

    Args:
        probabilities: (N, 10).
        labels: (N,) integers.
        count: how many rows of each digit, both times.

    Returns:
        Row numbers of typical and of strange rows, each sorted by digit, then the most typical (the strangest) first.
        No row is in both: of a digit with fewer than 2 · `count` rows, half are typical and half strange.
    """
    doubts = doubt(probabilities, labels)
    typical: list[NDArray[np.int64]] = []
    strange: list[NDArray[np.int64]] = []
    for digit in range(10):
        rows = np.flatnonzero(labels == digit)
        rows = rows[np.argsort(doubts[rows], kind="stable")]
        half = min(count, len(rows) // 2)
        typical.append(rows[:half])
        strange.append(rows[::-1][:half])
    return np.concatenate(typical), np.concatenate(strange)


def doubt(probabilities: NDArray[np.floating], digits: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return 1 − p(digit) of each row's digit, (N,) float64.

    It is the sum of the other nine probabilities, since in float32 the difference is 0 long before the sum is.
    """
    others = probabilities.astype(np.float64)
    others[np.arange(len(digits)), digits] = 0
    return others.sum(axis=1)


def _per_class(confusion: NDArray[np.int64]) -> list[ClassFigures]:
    counts, predicted, correct = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    return [
        {
            "digit": digit,
            "count": int(counts[digit]),
            "recall": _ratio(correct[digit], counts[digit]),
            "precision": _ratio(correct[digit], predicted[digit]),
            "f1": _ratio(2 * correct[digit], counts[digit] + predicted[digit]),
        }
        for digit in range(10)
    ]


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def edit_distance(one: str, other: str) -> int:
    """Return the least number of characters to insert, delete or replace (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, 1):
        above, row[0] = row[0], number
        for k, right in enumerate(other, 1):
            above, row[k] = row[k], min(above + (left != right), row[k] + 1, row[k - 1] + 1)
    return row[-1]
