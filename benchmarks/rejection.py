"""Coverage against error: how many digits and other things are kept at each limit of `not_digit`.

    .venv/bin/python benchmarks/rejection.py DATA [RUN]

DATA has a folder `digits`, as benchmarks/preparation.py reads it, and nondigits/nondigits.zip with a labels.csv of
kinds. RUN is a run folder; without one, the model that ships is used. `prepare` refuses a blank picture at any limit.
The plot is written to docs/pictures/coverage.png; it also shows rejection by the doubt about the digit.
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import MultipleLocator, PercentFormatter
from numpy.typing import NDArray
from preparation import other_hands

from inkdigit import Recognizer, prepare
from inkdigit.errors import NoInkError
from inkdigit.report.style import BLUE, GREEN, MUTED, RED, STYLE, chart_figure
from inkdigit.utils.hardware import describe_hardware

PLOT = Path(__file__).parents[1] / "docs" / "pictures" / "coverage.png"
COVERAGES = (1, 0.998, 0.995, 0.99, 0.98, 0.97, 0.95, 0.9)
KINDS = {"letter": "letters", "scribble_synthetic": "scribbles", "letter_lookalike": "letters like digits"}

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Scored:
    """Some pictures: `not_digit` of each, the doubt about its digit, and whether that is wrong; (N,) each."""

    not_digit: Scores
    doubt: Scores
    wrong: NDArray[np.bool_]


def main() -> None:
    folder, recognizer = Path(sys.argv[1]), Recognizer.load(*sys.argv[2:3])
    hands = [labelled for _, labelled in other_hands(folder / "digits")]
    images = np.stack([prepare(picture) for pictures, _ in hands for picture in pictures])
    digits = score(recognizer, images, np.concatenate([labels for _, labels in hands]))
    others = {
        name: score(recognizer, images, np.full(len(images), -1))
        for name, images in non_digits(folder / "nondigits" / "nondigits.zip").items()
    }
    print(f"Model: {sys.argv[2] if len(sys.argv) > 2 else 'the one that ships'}; {describe_hardware()}\n")
    print(f"| digits kept | limit | misread of these | {' | '.join(f'{name} kept' for name in others)} |")
    print("|---:" * (3 + len(others)) + "|")
    for coverage in COVERAGES:
        limit = limit_for(digits.not_digit, coverage)
        kept = digits.not_digit <= limit
        shares = [f"{kept_of(some.not_digit, limit):.1f} %" for some in others.values()]
        misread = f"{100 * digits.wrong[kept].mean():.2f} %"
        print(f"| {100 * kept.mean():.1f} % | {limit:.4f} | {misread} | {' | '.join(shares)} |")
    with rc_context(STYLE):
        plot(digits, others)


def score(recognizer: Recognizer, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Scored:
    """Prepared pictures and their digits -> their scores. A picture of zeros had no ink: any limit refuses it."""
    probabilities, not_digit = recognizer.predict_with_rejection(images)
    blank = ~images.any(axis=(1, 2))
    doubt = 1 - probabilities.max(axis=1)
    not_digit[blank] = doubt[blank] = np.inf
    return Scored(not_digit, doubt, probabilities.argmax(axis=1) != labels)


def non_digits(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Prepared pictures by kind; zeros for one without ink."""
    found: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in (*KINDS.values(), "blank, or pages")}
    with zipfile.ZipFile(path) as archive:
        for row in csv.DictReader(io.TextIOWrapper(archive.open("labels.csv"), encoding="utf-8")):
            try:
                image = prepare(archive.read(row["file"]))
            except NoInkError:
                image = np.zeros((28, 28), np.uint8)
            found[KINDS.get(row["kind"], "blank, or pages")].append(image)
    return {name: np.stack(images) for name, images in found.items() if images}


def limit_for(scores: Scores, coverage: float) -> float:
    """The lowest limit that keeps this share."""
    return float(np.quantile(scores, coverage, method="inverted_cdf"))


def kept_of(scores: Scores, limit: float) -> float:
    """The share kept at a limit, in per cent."""
    return 100 * float((scores <= limit).mean())


def plot(digits: Scored, others: dict[str, Scored]) -> None:
    """Plot, over the share of digits kept, the error among them, and the share kept of other things."""
    coverages = np.linspace(0.9, 1, 101)
    figure = chart_figure(3.2)
    error, accepted = figure.subplots(1, 2)
    for name, style in (("not_digit", "-"), ("doubt", "--")):
        scores: Scores = getattr(digits, name)
        limits = [limit_for(scores, coverage) for coverage in coverages]
        misread = [digits.wrong[scores <= limit].mean() for limit in limits]
        error.plot(coverages, misread, style, color=BLUE, label=f"refused by {name}")
        for (kind, some), colour in zip(others.items(), (RED, GREEN, MUTED), strict=False):
            shares = [kept_of(getattr(some, name), limit) / 100 for limit in limits]
            accepted.plot(coverages, shares, style, color=colour, label=kind if name == "not_digit" else None)
    error.set(title="Digits kept that are misread", ylim=(0, None))
    accepted.set(title="Other things taken for digits", ylim=(0, 1))
    for axes in (error, accepted):
        axes.set_xlabel("digits kept")
        axes.xaxis.set_major_locator(MultipleLocator(0.02))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1 if axes is error else 0))
        axes.legend()
    figure.savefig(PLOT)


if __name__ == "__main__":
    main()
