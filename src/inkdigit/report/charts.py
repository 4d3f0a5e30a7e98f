"""The report's charts, one function each: data in, matplotlib `Figure` out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from inkdigit.evaluation.calibration import uncalibrate
from inkdigit.evaluation.metrics import Evaluation, expected_calibration_error, reliability_curve, wilson_interval
from inkdigit.export.model_summary import Layer
from inkdigit.report.data import CurvePoint, Scored
from inkdigit.report.style import (
    BLUE,
    ERRORS,
    GREEN,
    INK,
    MUTED,
    RED,
    RULE,
    SKY,
    chart_figure,
    draw_digit,
    format_duration,
    grid_figure,
    hide_frame,
)
from inkdigit.utils.progress import Stage


def network(layers: Sequence[Layer], image: NDArray[np.uint8]) -> Figure:
    """The shapes of the tensors between an image, (28, 28) uint8, and ten probabilities: one drawing for each shape."""
    volumes: list[tuple[tuple[int, ...], str]] = [((28, 28, 1), "input")]
    for layer in layers:
        if layer.shape != volumes[-1][0] and not (len(volumes) == 1 and math.prod(layer.shape) == 784):
            volumes.append((layer.shape, layer.kind))
    lines = math.ceil(len(volumes) / 7)
    per_line = math.ceil(len(volumes) / lines)
    figure, axes = grid_figure(per_line, 1.5 * lines)
    for number, (shape, kind) in enumerate(volumes):
        x, y = number % per_line + 0.5, 1.5 * (number // per_line) + 0.6
        _volume(axes, x, y, shape)
        if number == 0:
            draw_digit(axes, image, x - 0.3, y - 0.3, 0.6, zorder=2)
        if number + 1 < len(volumes):
            axes.text(x + 0.48, y, "›", ha="center", va="center", color=MUTED, fontsize=14)
        axes.text(x, y + 0.6, "×".join(map(str, shape)), ha="center", va="center", fontsize=8, weight="bold")
        axes.text(x, y + 0.75, kind, ha="center", va="center", fontsize=7, color=MUTED)
    axes.set(xlim=(0, per_line), ylim=(1.5 * lines, 0))
    return figure


def curves(history: Sequence[Mapping[str, float]], learning_rates: NDArray[np.floating]) -> Figure:
    """Loss and error rate by epoch, on log scales, above the learning rate."""
    figure = chart_figure(4.6)
    axes = figure.subplot_mosaic([["loss", "accuracy"], ["rate", "rate"]], height_ratios=[3, 1.1])
    for prefix, label, colour, style in (("", "training", SKY, "o--"), ("val_", "validation", BLUE, "o-")):
        known = {epoch: row for epoch, row in enumerate(history, 1) if f"{prefix}loss" in row}
        if not known:
            continue
        look: dict[str, Any] = {"color": colour, "markersize": 3.5, "label": label, "clip_on": False}
        axes["loss"].plot(list(known), [row[f"{prefix}loss"] for row in known.values()], style, **look)
        errors = [max(1 - row[f"{prefix}accuracy"], 1e-4) for row in known.values()]
        axes["accuracy"].plot(list(known), errors, style, **look)
    axes["loss"].set(title="Loss", yscale="log")
    axes["loss"].yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes["loss"].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes["accuracy"].set(title="Accuracy", yscale="log")
    _accuracy_ticks(axes["accuracy"])
    axes["accuracy"].legend(loc="lower right")
    at = (np.arange(len(learning_rates)) + 0.5) / len(learning_rates) * len(history)
    axes["rate"].fill_between(at, learning_rates, color=GREEN, alpha=0.15, linewidth=0)
    axes["rate"].plot(at, learning_rates, color=GREEN)
    axes["rate"].set(title="Learning rate", xlabel="epoch", ylim=(0, None))
    for name in axes:
        axes[name].minorticks_off()
        axes[name].set_xlim(0, len(history) + 0.1)
        axes[name].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def confusion(evaluation: Evaluation) -> Figure:
    """The confusion matrix: errors in colour, correct predictions in grey, recall and precision at the edges."""
    counts = evaluation.confusion
    errors = counts - np.diag(np.diag(counts))
    figure = chart_figure(5.4)
    axes = figure.subplots()
    axes.imshow(np.ma.masked_equal(errors, 0), cmap=ERRORS, vmin=0, vmax=max(errors.max(), 4))
    for truth, guess in np.ndindex(10, 10):
        count = counts[truth, guess]
        if truth == guess:
            axes.add_patch(Rectangle((guess - 0.5, truth - 0.5), 1, 1, color="#edf0f3", linewidth=0))
            axes.text(guess, truth, f"{count:,}", ha="center", va="center", color=MUTED, fontsize=8)
        elif count:
            dark = count > 0.45 * max(errors.max(), 4)
            colour = "white" if dark else INK
            axes.text(guess, truth, f"{count:,}", ha="center", va="center", color=colour, weight="bold")
    for row in evaluation.per_class:
        edge: dict[str, Any] = {"va": "center", "fontsize": 8, "color": INK}
        axes.text(9.7, row["digit"], _share(row["recall"]), ha="left", **edge)
        axes.text(row["digit"], 9.9, _share(row["precision"]), ha="center", **edge)
    axes.text(9.7, -0.85, "recall", weight="bold", fontsize=8)
    axes.text(-0.6, 9.9, "precision", weight="bold", fontsize=8, ha="right", va="center")
    axes.set(xticks=range(10), yticks=range(10), ylabel="true digit")
    axes.xaxis.tick_top()
    axes.set_xlabel("predicted digit")
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labelsize=10, labelcolor=INK)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(11) - 0.5, minor=True)
    axes.set_yticks(np.arange(11) - 0.5, minor=True)
    axes.grid(which="minor", color=RULE, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    return figure


def reliability(scored: Scored) -> Figure:
    """Share of wrong predictions against 1 − confidence, before and after calibration.

    Both axes are logarithmic: on linear axes all points of a good model lie on one another.
    """
    before = uncalibrate(scored.probabilities, scored.calibration)
    figure = chart_figure(5.3)
    top, bottom = figure.subplots(2, sharex=True, height_ratios=[3.2, 1])
    _reliability_points(top, bottom, "before", before, scored.labels)
    _reliability_points(top, bottom, "after", scored.probabilities, scored.labels)
    top.plot([1e-4, 1], [1e-4, 1], color=MUTED, linewidth=1, linestyle=":", label="perfectly calibrated")
    top.set(xscale="log", yscale="log", ylabel="share of wrong predictions", ylim=(1e-4, 1.2))
    bottom.set(yscale="log", xlabel="how unsure the model was (1 − confidence)", ylabel="images")
    top.set_xlim(right=1.2)
    for axis in (top.yaxis, bottom.xaxis):
        axis.set_major_formatter(FuncFormatter(_percentage))
    bottom.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bottom.set_ylim(1, 2 * len(scored.labels))
    top.text(2e-3, 0.05, "overconfident", color=MUTED, ha="center", style="italic")
    top.text(0.2, 3e-4, "underconfident", color=MUTED, ha="center", style="italic")
    top.minorticks_off()
    bottom.minorticks_off()
    top.legend(loc="lower left", bbox_to_anchor=(0, 1))  # above: points may lie anywhere inside
    return figure


def learning_curve(points: Sequence[CurvePoint]) -> Figure:
    """Accuracy and training time against the number of training rows, one point for each run."""
    figure = chart_figure(3.2)
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    rows = np.array([point.rows for point in points])
    sizes = np.unique(rows)
    errors = np.maximum([1 - point.accuracy for point in points], 1e-4)
    bounds = np.array([(1 - point.high, 1 - point.low) for point in points])
    spread = np.abs(bounds - errors[:, None]).T
    look: dict[str, Any] = {"color": BLUE, "markersize": 4}
    left.errorbar(rows, errors, spread, fmt="o", elinewidth=1.2, **look)
    left.plot(sizes, [errors[rows == size].mean() for size in sizes], color=BLUE, linewidth=1.2)
    left.set(title="Accuracy", xscale="log", yscale="log", xlabel="training rows")
    left.set_xticks(sizes, [f"{size:,}" for size in sizes])
    _accuracy_ticks(left)
    left.minorticks_off()
    seconds = np.array([point.seconds for point in points])
    right.plot(rows, seconds, "o", **look)
    right.plot(sizes, [seconds[rows == size].mean() for size in sizes], color=BLUE, linewidth=1.2)
    right.set(title="Training time", xlabel="training rows", ylabel="seconds", xlim=(0, None), ylim=(0, None))
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return figure


def stages(rows: Sequence[Stage]) -> Figure:
    """Elapsed seconds of each stage."""
    figure = chart_figure(0.5 + 0.34 * len(rows))
    axes = figure.subplots()
    longest = max(row.seconds for row in rows)
    axes.barh(range(len(rows)), [row.seconds for row in rows], color=BLUE, height=0.6)
    for y, row in enumerate(rows):
        rate = f"  ·  {row.images_per_second:,.0f} images/s" if row.images_per_second else ""
        axes.text(row.seconds + 0.01 * longest, y, f"{format_duration(row.seconds)}{rate}", va="center", fontsize=8.5)
    hide_frame(axes)
    axes.set_yticks(range(len(rows)), [row.heading for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.4 * longest), xticks=[])
    return figure


def _reliability_points(
    top: Axes, bottom: Axes, when: str, probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> None:
    # The two sets of markers are shifted a little, so that their intervals do not hide each other.
    colour, marker, face, shift = (RED, "s", "white", 0.96) if when == "before" else (BLUE, "o", BLUE, 1.04)
    look: dict[str, Any] = {"color": colour, "markersize": 5, "markerfacecolor": face}
    curve = reliability_curve(probabilities, labels)
    doubt = np.array([shift * max(point.doubt, 1e-6) for point in curve])
    total = np.array([point.total for point in curve])
    rate = np.array([point.wrong for point in curve]) / total
    bounds = np.array([wilson_interval(point.wrong, point.total) for point in curve])
    spread = np.abs(bounds - rate[:, None]).T
    some = rate > 0
    ece = expected_calibration_error(probabilities, labels)
    label = f"{when} calibration: expected calibration error {100 * ece:.2f} %"
    top.errorbar(doubt[some], rate[some], spread[:, some], fmt=marker, elinewidth=1.2, label=label, **look)
    top.plot(doubt[~some], bounds[~some, 1], linestyle="", marker="v", **look)
    bottom.plot(doubt, total, marker=marker, linewidth=1.2, **look)


def _volume(axes: Axes, x: float, y: float, shape: tuple[int, ...]) -> None:
    """Draw a tensor: a stack of squares for (height, width, maps), else a bar. The size grows with the tensor."""
    look: dict[str, Any] = {"facecolor": "#d9ecf8", "edgecolor": BLUE, "linewidth": 0.8}
    if len(shape) != 3:
        height = min(0.1 + 0.09 * math.log2(math.prod(shape)), 1)
        axes.add_patch(Rectangle((x - 0.06, y - height / 2), 0.12, height, **look))
        return
    side, step = 0.14 + 0.46 * min(shape[0] / 28, 1), 0.04
    sheets = 1 if shape[2] == 1 else 2 + round(math.log2(shape[2]))
    half = (side + step * (sheets - 1)) / 2
    for depth in reversed(range(sheets)):
        corner = (x - half + step * depth, y + half - side - step * depth)
        axes.add_patch(Rectangle(corner, side, side, **look))


def _accuracy_ticks(axes: Axes) -> None:
    """Label a logarithmic axis of error rates with accuracies, the best at the top."""
    low, high = axes.dataLim.intervaly
    steps = np.array([1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])
    first, last = np.searchsorted(steps, low, "right") - 1, np.searchsorted(steps, high)
    axes.set_yticks(steps[first : last + 1])
    axes.set_ylim(1.1 * steps[last], 0.9 * steps[first])
    axes.yaxis.set_major_formatter(FuncFormatter(_accuracy))


def _accuracy(error: float, _: int | None) -> str:
    return f"{100 * (1 - error):.4g} %"


def _percentage(fraction: float, _: int | None) -> str:
    return f"{100 * fraction:g} %"


def _share(fraction: float | None) -> str:
    if fraction is None:
        return "–"
    return "100 %" if fraction == 1 else f"{100 * fraction:.1f} %"
