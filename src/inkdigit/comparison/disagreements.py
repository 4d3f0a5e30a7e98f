"""The picture of the images that only one of two runs reads correctly."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inkdigit.comparison.compare import Comparison, PairwiseTest, RunResult
from inkdigit.report.image_grids import CAPTIONED_COLUMNS, CAPTIONED_WIDTH, captioned_height, draw_captioned
from inkdigit.report.style import BLUE, RED, format_probability, grid_figure, replace_missing_glyphs

MAX_DISAGREEMENTS = 24  # for each of the two runs
TITLE_HEIGHT = 16  # drawing units
CAPTION_LINES = 2


def disagreements(comparison: Comparison, test: PairwiseTest) -> Figure:
    """The images that only one of two runs reads correctly, at most 24 for each run.

    The images for which both runs are most confident come first.
    """
    groups = [
        (test.first, test.second, test.only_first),
        (test.second, test.first, test.only_second),
    ]
    groups = [group for group in groups if len(group[2])]
    heights = [
        TITLE_HEIGHT + captioned_height(min(len(rows), MAX_DISAGREEMENTS), CAPTION_LINES) for _, _, rows in groups
    ]
    figure, axes = grid_figure(CAPTIONED_COLUMNS * CAPTIONED_WIDTH, sum(heights))
    top = 0.0
    for (right, wrong, rows), height in zip(groups, heights, strict=True):
        _draw_group(axes, top, comparison, right, wrong, rows)
        top += height
    return figure


def _draw_group(
    axes: Axes, top: float, comparison: Comparison, right: RunResult, wrong: RunResult, rows: NDArray[np.int64]
) -> None:
    """Draw a title, and below it the images that one run reads correctly and the other does not."""
    confidence = right.probabilities[rows].max(axis=1) * wrong.probabilities[rows].max(axis=1)
    shown = rows[np.argsort(-confidence, kind="stable")][:MAX_DISAGREEMENTS]
    part = f", the {len(shown)} most confident" if len(shown) < len(rows) else ""
    title = f"Only {replace_missing_glyphs(right.name)} is right: {len(rows):,}{part}"
    axes.text(7, top + 11, title, weight="bold", fontsize=10, parse_math=False)
    captions: list[list[tuple[str, str]]] = []
    for row in shown:
        label, misread = comparison.labels[row], wrong.probabilities[row].argmax()
        right_probability = format_probability(float(right.probabilities[row, label]))
        wrong_probability = format_probability(float(wrong.probabilities[row, misread]))
        captions.append([(f"✓ {label} · {right_probability}", BLUE), (f"✗ {misread} · {wrong_probability}", RED)])
    draw_captioned(axes, top + TITLE_HEIGHT, comparison.images[shown], captions)
