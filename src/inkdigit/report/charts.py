"""The report's pictures, one function each: data in, matplotlib `Figure` out, drawn with ink on paper.

Colours are Okabe and Ito's (jfly.uni-koeln.de/color), told apart by colour-blind eyes; what they mean is also
said by marker, line style or text, for print. pyplot is not used: its global state does not survive threads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from inkdigit.calibration import apply_temperature
from inkdigit.evaluation import Evaluation, expected_calibration_error, reliability_curve, wilson_interval
from inkdigit.report.content import Layer, Scored, Stage

if TYPE_CHECKING:
    from inkdigit.comparison import Comparison, Contender, Duel

INK, MUTED, RULE = "#1b2430", "#5b6673", "#dfe3e8"
BLUE, RED, GREEN, SKY = "#0072b2", "#d55e00", "#009e73", "#56b4e9"
ERRORS = LinearSegmentedColormap.from_list("errors", ["#fff4ea", "#f6b27a", RED, "#7a2f00"])
TILE = 31  # a digit of 28 pixels and a gap
WIDTH = 7.4  # inches: with 9-point text it still reads when a phone shows the picture 560 px wide

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "figure.dpi": 160,
}


def samples(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Figure:
    """Twelve training images of each digit, and how many of each there are."""
    columns = 12
    tiles = np.zeros((10, columns, 28, 28), np.uint8)
    for digit in range(10):
        rows = np.flatnonzero(labels == digit)
        picked = rows[np.linspace(0, len(rows) - 1, min(columns, len(rows))).astype(int)]
        tiles[digit, : len(picked)] = images[picked]
    counts = np.bincount(labels, minlength=10)
    left, longest = TILE * (columns + 0.5), TILE * 3.6
    figure, axes = _sheet(left + longest + 1.6 * TILE, 10 * TILE, title=16)
    _tiles(axes, tiles, 0)
    _heading(axes, 0, "Samples")
    _heading(axes, left, "Images of each")
    middles = TILE * np.arange(10) + 14
    axes.barh(middles, longest * counts / counts.max(), left=left, color=BLUE, height=18)
    for y, count in zip(middles, counts, strict=True):
        axes.text(left + longest * count / counts.max() + 5, float(y), f"{count:,}", va="center", fontsize=8)
    return figure


def augmentation(augmented: NDArray[np.uint8]) -> Figure:
    """Each digit as it is, and as training saw it."""
    versions = TILE * 1.4
    figure, axes = _sheet(versions + TILE * (augmented.shape[1] - 1), TILE * augmented.shape[0], title=14)
    _tiles(axes, augmented[:, :1], 0)
    _tiles(axes, augmented[:, 1:], versions)
    _heading(axes, 0, "Original")
    _heading(axes, versions, "As the network saw it in training")
    axes.axvline(TILE * 1.2 - 1.5, color=RULE, linewidth=1)
    return figure


def network(layers: Sequence[Layer], image: NDArray[np.uint8]) -> Figure:
    """The tensors an image turns into on its way to ten probabilities, one for each change of shape."""
    volumes: list[tuple[tuple[int, ...], str]] = [((28, 28, 1), "input")]
    for layer in layers:
        if layer.shape != volumes[-1][0] and not (len(volumes) == 1 and math.prod(layer.shape) == 784):
            volumes.append((layer.shape, layer.kind))
    lines = math.ceil(len(volumes) / 7)
    per_line = math.ceil(len(volumes) / lines)
    figure, axes = _sheet(per_line, 1.5 * lines)
    for number, (shape, kind) in enumerate(volumes):
        x, y = number % per_line + 0.5, 1.5 * (number // per_line) + 0.6
        _volume(axes, x, y, shape)
        if number == 0:
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, extent=(x - 0.3, x + 0.3, y + 0.3, y - 0.3), zorder=2)
        if number + 1 < len(volumes):
            axes.text(x + 0.48, y, "›", ha="center", va="center", color=MUTED, fontsize=14)
        axes.text(x, y + 0.6, "×".join(map(str, shape)), ha="center", va="center", fontsize=8, weight="bold")
        axes.text(x, y + 0.75, kind, ha="center", va="center", fontsize=7, color=MUTED)
    axes.set(xlim=(0, per_line), ylim=(1.5 * lines, 0))
    return figure


def curves(history: Sequence[Mapping[str, float]], learning_rates: NDArray[np.floating]) -> Figure:
    """Loss and error rate by epoch, on log scales, above the learning rate."""
    figure = _figure(4.6)
    axes = figure.subplot_mosaic([["loss", "accuracy"], ["rate", "rate"]], height_ratios=[3, 1.1])
    for prefix, label, colour, style in (("", "training", SKY, "o--"), ("val_", "validation", BLUE, "o-")):
        known = {epoch: row for epoch, row in enumerate(history, 1) if f"{prefix}loss" in row}
        if not known:
            continue
        look: dict[str, Any] = {"color": colour, "markersize": 3.5, "label": label}
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
    """Errors in colour, right answers in grey so as not to outshine them, recall and precision beside."""
    counts = evaluation.confusion
    errors = counts - np.diag(np.diag(counts))
    figure = _figure(5.4)
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


def mistakes(scored: Scored) -> Figure:
    """The wrong answers given with the most confidence, at most 24, the worst first."""
    guesses, confidence = scored.probabilities.argmax(axis=1), scored.probabilities.max(axis=1)
    wrong = np.flatnonzero(guesses != scored.labels)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    columns, wide, high = 6, 42, 46
    figure, axes = _sheet(columns * wide, math.ceil(len(wrong) / columns) * high)
    for number, i in enumerate(wrong):
        truth, guess = scored.labels[i], guesses[i]
        left, top = wide * (number % columns) + 7, high * (number // columns) + 2
        _captioned(
            axes,
            scored.images[i],
            (left, top),
            (f"read {guess} · {_chance(float(confidence[i]))}", RED),
            (f"labelled {truth} · {_chance(float(scored.probabilities[i, truth]))}", BLUE),
        )
    axes.set(xlim=(0, columns * wide), ylim=(math.ceil(len(wrong) / columns) * high, 0))
    return figure


def disagreements(comparison: Comparison, duel: Duel) -> Figure:
    """The images that only one of two runs reads rightly, at most 24 for each, those first where both are surest."""
    columns, wide, high, title = 6, 42, 46, 16
    groups = [
        (right, other, _surest(rows, right, other)[:24], len(rows))
        for right, other, rows in (
            (duel.first, duel.second, duel.only_first),
            (duel.second, duel.first, duel.only_second),
        )
        if len(rows)
    ]
    height = sum(title + high * math.ceil(len(rows) / columns) for _, _, rows, _ in groups)
    figure, axes = _sheet(columns * wide, height)
    y = 0
    for right, other, rows, count in groups:
        shown = "" if len(rows) == count else f", the {len(rows)} surest"
        heading = f"Only {right.name} is right: {count:,}{shown}"
        axes.text(7, y + 11, heading, weight="bold", fontsize=10, parse_math=False)
        y += title
        for number, i in enumerate(rows):
            truth, guess = comparison.labels[i], other.probabilities[i].argmax()
            _captioned(
                axes,
                comparison.images[i],
                (wide * (number % columns) + 7, y + high * (number // columns) + 2),
                (f"✓ {truth} · {_chance(float(right.probabilities[i, truth]))}", BLUE),
                (f"✗ {guess} · {_chance(float(other.probabilities[i, guess]))}", RED),
            )
        y += high * math.ceil(len(rows) / columns)
    return figure


def _surest(rows: NDArray[np.int64], right: Contender, other: Contender) -> NDArray[np.int64]:
    confidence = right.probabilities[rows].max(axis=1) * other.probabilities[rows].max(axis=1)
    return rows[np.argsort(-confidence, kind="stable")]


def reliability(scored: Scored) -> Figure:
    """Doubt against errors before and after calibration, log-log, as a good model is a dot on plain axes."""
    before = apply_temperature(scored.probabilities, 1 / scored.temperature)
    figure = _figure(5.3)
    top, bottom = figure.subplots(2, sharex=True, height_ratios=[3.2, 1])
    _reliability_points(top, bottom, "before", before, scored.labels)
    _reliability_points(top, bottom, "after", scored.probabilities, scored.labels)
    top.plot([1e-4, 1], [1e-4, 1], color=MUTED, linewidth=1, linestyle=":", label="perfectly calibrated")
    top.set(xscale="log", yscale="log", ylabel="share of wrong answers", ylim=(1e-4, 1.2))
    bottom.set(yscale="log", xlabel="how unsure the model was (1 − confidence)", ylabel="images")
    top.set_xlim(right=1.2)
    for axis in (top.yaxis, bottom.xaxis):
        axis.set_major_formatter(FuncFormatter(_percentage))
    bottom.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bottom.set_ylim(1, 2 * len(scored.labels))
    top.text(2e-3, 0.05, "too sure of itself", color=MUTED, ha="center", style="italic")
    top.text(0.012, 3e-4, "too modest", color=MUTED, ha="center", style="italic")
    top.minorticks_off()
    bottom.minorticks_off()
    top.legend(loc="lower left", bbox_to_anchor=(0, 1))  # above: points may lie anywhere inside
    return figure


def stages(rows: Sequence[Stage]) -> Figure:
    """Elapsed seconds by stage."""
    figure = _figure(0.5 + 0.34 * len(rows))
    axes = figure.subplots()
    longest = max(row.seconds for row in rows)
    axes.barh(range(len(rows)), [row.seconds for row in rows], color=BLUE, height=0.6)
    for y, row in enumerate(rows):
        rate = f"  ·  {row.images_per_second:,.0f} images/s" if row.images_per_second else ""
        axes.text(row.seconds + 0.01 * longest, y, f"{row.seconds:.1f} s{rate}", va="center", fontsize=8.5)
    _bare(axes)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.4 * longest), xticks=[])
    return figure


def _figure(height: float) -> Figure:
    return Figure(figsize=(WIDTH, height), layout="constrained")


def _bare(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])


def _sheet(width: float, height: float, title: float = 0) -> tuple[Figure, Axes]:
    """A figure that is one drawing area of width × height square units, y downwards, headings above 0."""
    figure = Figure(figsize=(WIDTH, WIDTH * (height + title) / width))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, -title), autoscale_on=False)
    return figure, axes


def _heading(axes: Axes, x: float, text: str) -> None:
    axes.text(x + 2, -5, text, weight="bold", fontsize=10)


def _tiles(axes: Axes, tiles: NDArray[np.uint8], left: float) -> None:
    """Draw (R, C, 28, 28) uint8 as one picture, a tile every TILE units, its left edge at x = left."""
    rows, columns = tiles.shape[:2]
    gap = TILE - 28
    padded = np.pad(tiles, ((0, 0), (0, 0), (0, gap), (0, gap)))
    sheet = padded.transpose(0, 2, 1, 3).reshape(TILE * rows, TILE * columns)
    axes.imshow(
        sheet,
        cmap="gray_r",
        vmin=0,
        vmax=255,
        interpolation="bicubic",
        extent=(left, left + TILE * columns, TILE * rows, 0),
    )


def _captioned(axes: Axes, image: NDArray[np.uint8], corner: tuple[float, float], *captions: tuple[str, str]) -> None:
    """A digit at its left upper corner, and lines below it: text and colour, the first in bold."""
    left, top = corner
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, extent=(left, left + 28, top + 28, top))
    axes.add_patch(Rectangle((left, top), 28, 28, fill=False, edgecolor=RULE, linewidth=0.8))
    for line, (text, colour) in enumerate(captions):
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5, "color": colour}
        axes.text(left + 14, top + 32 + 5 * line, text, weight="normal" if line else "bold", **look)


def _reliability_points(
    top: Axes, bottom: Axes, when: str, probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> None:
    # The two moments' markers stand a little apart, so that their intervals do not hide each other.
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
    """A stack of sheets for (height, width, maps), a bar for anything else; both grow with the tensor."""
    look: dict[str, Any] = {"facecolor": "#d9ecf8", "edgecolor": BLUE, "linewidth": 0.8}
    if len(shape) != 3:
        height = min(0.1 + 0.09 * math.log2(math.prod(shape)), 1)
        axes.add_patch(Rectangle((x - 0.06, y - height / 2), 0.12, height, **look))
        return
    side, step = 0.14 + 0.46 * min(shape[0] / 28, 1), 0.04
    sheets = 1 if shape[2] == 1 else 2 + round(math.log2(shape[2]))
    half = (side + step * (sheets - 1)) / 2
    for sheet in reversed(range(sheets)):
        corner = (x - half + step * sheet, y + half - side - step * sheet)
        axes.add_patch(Rectangle(corner, side, side, **look))


def _accuracy_ticks(axes: Axes) -> None:
    """An axis of error rates on a log scale, labelled with the accuracies they stand for, the best on top."""
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


def _chance(p: float) -> str:
    if p >= 0.9995:
        return ">99.9 %"
    return f"{100 * p:.1f} %" if p >= 0.001 else "<0.1 %"
