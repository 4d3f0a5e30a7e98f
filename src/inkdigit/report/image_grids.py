"""The report's sheets of digits, one function each: data in, matplotlib `Figure` out, drawn with ink on paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from inkdigit.report.data import Samples, Scored
from inkdigit.report.feature_maps import Convolutions
from inkdigit.report.style import (
    BLUE,
    INK,
    MUTED,
    RED,
    RULE,
    SIDE,
    TILE,
    chance,
    digit,
    drawable,
    heading,
    sheet,
    signed,
    tiles,
)

if TYPE_CHECKING:
    from inkdigit.comparison.compare import Comparison, PairwiseTest

FILTERS = 48  # shown at most
ACROSS = 12  # filters or feature maps in a row


def samples(shown: Samples) -> Figure:
    """Twelve training images of each digit, and how many of each there are."""
    counts = shown.counts
    left, longest = TILE * (shown.images.shape[1] + 0.5), TILE * 3.6
    figure, axes = sheet(left + longest + 1.6 * TILE, 10 * TILE, title=16)
    tiles(axes, shown.images, 0)
    heading(axes, 0, "Samples")
    heading(axes, left, "Images of each")
    middles = TILE * np.arange(10) + 14
    axes.barh(middles, longest * counts / counts.max(), left=left, color=BLUE, height=18)
    for y, count in zip(middles, counts, strict=True):
        axes.text(left + longest * count / counts.max() + 5, float(y), f"{count:,}", va="center", fontsize=8)
    return figure


def augmentation(augmented: NDArray[np.uint8]) -> Figure:
    """Each digit as it is, and as training saw it."""
    versions = TILE * 1.4
    figure, axes = sheet(versions + TILE * (augmented.shape[1] - 1), TILE * augmented.shape[0], title=18)
    tiles(axes, augmented[:, :1], 0)
    tiles(axes, augmented[:, 1:], versions)
    heading(axes, 0, "Original")
    heading(axes, versions, "As the network saw it in training")
    axes.axvline(TILE * 1.2 - 1.5, color=RULE, linewidth=1)
    return figure


def filters(inner: Convolutions, image: NDArray[np.uint8]) -> Figure:
    """The kernels that lie on the image, each above what it makes of one digit."""
    shown = min(len(inner.filters), FILTERS)
    left, high = 2.4 * TILE, 2 * TILE + 10
    rows = math.ceil(shown / ACROSS)
    figure, axes = sheet(left + ACROSS * TILE, rows * high - 10, title=18)
    heading(axes, 0, "The digit")
    heading(axes, left, "Each filter, and below it what it answers")
    digit(axes, image, 0, 0, 2 * SIDE)
    _frame(axes, 0, 0, 2 * SIDE)
    for number in range(shown):
        x, y = left + TILE * (number % ACROSS), high * (number // ACROSS)
        for values, top in ((inner.filters[number], y), (inner.responses[number], y + TILE)):
            signed(axes, values, x, top)
            _frame(axes, x, top)
    return figure


def feature_maps(inner: Convolutions) -> Figure:
    """What each convolution hands on of one digit, a row for each."""
    left, gap = 3 * TILE, 6
    figure, axes = sheet(left + ACROSS * TILE, len(inner.stages) * (TILE + gap) - gap, title=1)
    for number, (layer, channels, maps) in enumerate(inner.stages):
        y = number * (TILE + gap)
        height, width = maps.shape[1:]
        axes.text(0, y + 10, drawable(layer), weight="bold", fontsize=8, va="center", parse_math=False)
        axes.text(0, y + 19, f"{channels} maps of {height}×{width}", color=MUTED, fontsize=7.5, va="center")
        for column, values in enumerate(maps):
            signed(axes, values, left + TILE * column, y)
            _frame(axes, left + TILE * column, y)
    return figure


def mistakes(scored: Scored) -> Figure:
    """The wrong answers given with the most confidence, the worst first."""
    rows, images = scored.mistakes
    return doubtful(images, scored.labels[rows], scored.probabilities[rows])


def doubtful(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    rows: NDArray[np.integer] | None = None,
) -> Figure:
    """Digits whose label and answer differ, each with both and their probabilities, and with its row number."""
    columns, wide, high = 6, 42, 46 if rows is None else 51
    figure, axes = sheet(columns * wide, math.ceil(len(images) / columns) * high)
    for number, (image, truth, answer) in enumerate(zip(images, labels, probabilities, strict=True)):
        guess = answer.argmax()
        left, top = wide * (number % columns) + 7, high * (number // columns) + 2
        read, labelled = (chance(float(answer[which])) for which in (guess, truth))
        captions = [(f"read {guess} · {read}", RED), (f"labelled {truth} · {labelled}", BLUE)]
        if rows is not None:
            captions.append((f"row {rows[number]}", MUTED))
        _captioned(axes, image, left, top, *captions)
    return figure


def disagreements(comparison: Comparison, duel: PairwiseTest) -> Figure:
    """The images that only one of two runs reads rightly, at most 24 for each, those first where both are surest."""
    columns, wide, high, title = 6, 42, 46, 16
    groups = [
        (duel.first, duel.second, duel.only_first),
        (duel.second, duel.first, duel.only_second),
    ]
    lines = sum(math.ceil(min(len(rows), 24) / columns) for _, _, rows in groups)
    figure, axes = sheet(columns * wide, lines * high + sum(title for _, _, rows in groups if len(rows)))
    y = 0
    for right, other, every in groups:
        if not len(every):
            continue
        confidence = right.probabilities[every].max(axis=1) * other.probabilities[every].max(axis=1)
        rows = every[np.argsort(-confidence, kind="stable")][:24]
        shown = f", the {len(rows)} surest" if len(rows) < len(every) else ""
        text = f"Only {drawable(right.name)} is right: {len(every):,}{shown}"
        axes.text(7, y + 11, text, weight="bold", fontsize=10, parse_math=False)
        y += title
        for number, row in enumerate(rows):
            truth, guess = comparison.labels[row], other.probabilities[row].argmax()
            read, misread = float(right.probabilities[row, truth]), float(other.probabilities[row, guess])
            left, top = wide * (number % columns) + 7, y + high * (number // columns) + 2
            captions = ((f"✓ {truth} · {chance(read)}", BLUE), (f"✗ {guess} · {chance(misread)}", RED))
            _captioned(axes, comparison.images[row], left, top, *captions)
        y += high * math.ceil(len(rows) / columns)
    return figure


def typical_and_strange(scored: Scored) -> Figure:
    """The most typical and the strangest digits of each class, what was misread marked with the answer."""
    margin, apart = 12, TILE + 5  # a misread digit needs room for the answer
    right = margin + 10 * TILE + 14
    figure, axes = sheet(right + 10 * apart, 10 * TILE, title=18)
    for left, pitch, title, shown in (
        (margin, TILE, "Most typical", scored.typical),
        (right, apart, "Strangest", scored.strange),
    ):
        heading(axes, left - 2, title)
        filled = [0] * 10
        for row, image in zip(*shown, strict=True):
            truth, guess = scored.labels[row], scored.probabilities[row].argmax()
            x, y = left + pitch * filled[truth], TILE * int(truth)
            filled[truth] += 1
            digit(axes, image, x, y, smooth=True)
            if guess != truth:
                axes.text(x + pitch - 2, y + 27, str(guess), color=RED, weight="bold", fontsize=8, ha="right")
    for truth in range(10):
        axes.text(3, TILE * truth + 14, str(truth), color=MUTED, weight="bold", va="center")
    axes.axvline(right - 9, color=RULE, linewidth=1)
    return figure


def occlusion(scored: Scored) -> Figure:
    """The ink that speaks for the digit read, and the ink that speaks against it."""
    found, columns, wide, high = scored.occlusion, 5, 34, 41
    rows = math.ceil(len(found.read) / columns)
    figure, axes = sheet(columns * wide, rows * high)
    pixels = np.arange(SIDE) + 0.5
    for number, (row, image) in enumerate(zip(*scored.occluded, strict=True)):
        left, top = wide * (number % columns) + 3, high * (number // columns) + 1
        signed(axes, found.losses[number], left, top, smooth=True)
        axes.contour(left + pixels, top + pixels, image, levels=[100], colors=INK, linewidths=1)
        _frame(axes, left, top)
        read, label = found.read[number], scored.labels[row]
        text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
        fall = f"{chance(found.before[number])} → {chance(found.lowest[number])}"
        wrong = f", labelled {label}" if read != label else ""
        axes.text(left + 14, top + 31, f"read {read}{wrong}", color=RED if wrong else INK, weight="bold", **text)
        axes.text(left + 14, top + 35, fall, color=MUTED, **text)
    return figure


def _captioned(axes: Axes, image: NDArray[np.uint8], left: float, top: float, *captions: tuple[str, str]) -> None:
    """A framed digit and lines below it, each a text and its colour, the first in bold."""
    digit(axes, image, left, top)
    _frame(axes, left, top)
    for line, (text, colour) in enumerate(captions):
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5, "color": colour}
        axes.text(left + 14, top + 32 + 5 * line, text, weight="normal" if line else "bold", **look)


def _frame(axes: Axes, left: float, top: float, side: float = SIDE) -> None:
    axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=RULE, linewidth=0.8))
