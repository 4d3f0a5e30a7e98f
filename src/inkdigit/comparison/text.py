"""A comparison in words and as a table for a terminal."""

from __future__ import annotations

from inkdigit.comparison.compare import Comparison, PairwiseTest, RunResult
from inkdigit.runs.leaderboard import format_accuracy, format_seconds
from inkdigit.utils.printable import printable
from inkdigit.utils.text_table import align_columns

RUN_HEADINGS = ("accuracy (95 %)", "params", "training")
SIGNIFICANCE_LEVEL = 0.05


def comparison_table(comparison: Comparison) -> str:
    """The comparison as lines of text for a terminal."""
    names = [result.name for result in comparison.results]
    runs = [(result.name, *run_cells(result)) for result in comparison.results]
    settings = [(one.name, *map(printable, one.values)) for one in comparison.settings]
    parts = [
        [printable(sentence) for sentence in (f"Compared on {comparison.description}.", *comparison.notes)],
        align_columns([("run", *RUN_HEADINGS), *runs], (1, 2, 3)),
        [verdict(test) for test in comparison.tests],
        [explain_p_values(len(comparison.tests))],
        align_columns([("setting", *names), *settings]) if settings else ["No setting differs."],
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def run_cells(result: RunResult) -> tuple[str, str, str]:
    """A run's cells under RUN_HEADINGS."""
    evaluation, entry = result.evaluation, result.entry
    return (
        format_accuracy(evaluation.accuracy, evaluation.low, evaluation.high),
        f"{entry.parameters:,}",
        format_seconds(entry.training_seconds),
    )


def verdict(test: PairwiseTest) -> str:
    """The result of a test in one or two sentences, the more accurate run first."""
    names, counts = (test.first.name, test.second.name), (len(test.only_first), len(test.only_second))
    if not any(counts):
        return f"{names[0]} and {names[1]} are right on the same images."
    bounds = (test.low, test.high)
    if test.difference < 0:
        names, counts, bounds = names[::-1], counts[::-1], (-test.high, -test.low)
    better = f"{100 * abs(test.difference):.2f} percentage points more accurate than"
    low, high = (f"{100 * bound:+.2f}".replace("-", "−") for bound in bounds)
    images = "image" if counts[0] == 1 else "images"
    chance = "more than chance" if test.p < SIGNIFICANCE_LEVEL else "perhaps chance"
    return (
        f"{names[0]} is {better if test.difference else 'as accurate as'} {names[1]} "
        f"(95 % interval {low} to {high}). Only {names[0]} is right on {counts[0]:,} {images}, "
        f"only {names[1]} on {counts[1]:,}: {chance}, {format_p_value(test.p)}."
    )


def format_p_value(p: float) -> str:
    """`p = 0.031`, `p < 0.0001`."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def explain_p_values(tests: int) -> str:
    """What the p-values of that number of tests mean, in one sentence."""
    adjusted = f", adjusted for {tests} tests with Holm's method" if tests > 1 else ""
    return (
        "p is the probability of a difference at least this large if both runs were equally good "
        f"(McNemar's exact test{adjusted})."
    )
