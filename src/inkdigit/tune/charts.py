"""A search's charts, one function each: its result -> a matplotlib `Figure`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from inkdigit.report.style import BLUE, INK, MUTED, RED, RULE, chart_figure, hide_frame
from inkdigit.tune.results import SearchResult, TrialResult, ranked
from inkdigit.tune.space import Domain, Value
from inkdigit.utils.options import readable_value

RANK_COLORS = LinearSegmentedColormap.from_list("ranks", ["#003a63", BLUE, "#8cc4e8", "#d5e4ef"])
BASE_LABEL = "settings to start from"


def history(result: SearchResult) -> Figure:
    """The loss of each trial by number with the best so far, and beside it the losses by epoch."""
    figure = chart_figure(3.3)
    left, right = figure.subplots(1, 2, sharey=True)
    complete = [trial for trial in result.trials if trial.state == "complete"]
    losses = np.array([trial.loss for trial in complete])
    numbers = [trial.number for trial in complete]
    left.plot([*numbers, len(result.trials)], [*np.minimum.accumulate(losses), losses.min()], color=BLUE,
              drawstyle="steps-post", linewidth=1.2, label="best so far")  # fmt: skip
    left.plot(numbers, losses, "o", color=BLUE, markersize=4, label="to the last epoch")
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    if pruned:
        look: dict[str, Any] = {"color": MUTED, "marker": "x", "markersize": 4, "linestyle": ""}
        left.plot([trial.number for trial in pruned], [trial.loss for trial in pruned], label="stopped early", **look)
    if result.first and result.first.loss:
        left.axhline(result.first.loss, color=MUTED, linewidth=1, linestyle=":", label=BASE_LABEL)
    left.set(title="Loss", yscale="log", xlabel="trial")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend(loc="best", fontsize=8)
    _curves(right, result, [*pruned, *complete])
    _loss_ticks(left)
    return figure


def _curves(axes: Axes, result: SearchResult, trials: list[TrialResult]) -> None:
    best = result.best
    for trial in trials:
        epochs = range(1, len(trial.curve) + 1)
        ended = trial.state == "complete"
        axes.plot(epochs, trial.curve, color=BLUE if ended else MUTED, linewidth=0.8, alpha=0.5)
        if not ended:
            axes.plot(epochs[-1:], trial.curve[-1:], "x", color=MUTED, markersize=4)
    if best:
        axes.plot(range(1, len(best.curve) + 1), best.curve, color=RED, linewidth=1.8, label=f"trial {best.number}")
        axes.legend(loc="upper right", fontsize=8)
    axes.set(title="Loss by epoch", xlabel="epoch", xlim=(1, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _loss_ticks(axes: Axes) -> None:
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)


def parallel(result: SearchResult) -> Figure:
    """Parallel coordinates: each complete trial is a line through its loss and its settings, one row each.

    The settings that matter most are on top. The best trial and that of the base stand out.
    """
    order = sorted(result.space, key=lambda name: -result.importance.get(name, 0))
    trials = [trial for _, trial in reversed(ranked(result.trials))]
    figure = chart_figure(0.62 * (len(order) + 1) + 0.2)
    axes = figure.subplots()
    _loss_row(axes, result)
    for row, name in enumerate(order, start=1):
        _row(axes, row, result.space[name])
    for place, trial in enumerate(trials):
        rank = 1 - place / max(len(trials) - 1, 1)  # 0: the best
        x = [_loss_x(result, trial), *(_x(result.space[name], trial.point[name], trial) for name in order)]
        look: dict[str, Any] = {"color": RANK_COLORS(rank), "linewidth": 1, "alpha": 0.9}
        if trial is result.best:
            look = {"color": RED, "linewidth": 2.2, "label": f"the best, trial {trial.number}"}
        elif trial is result.first:
            look = {"color": INK, "linewidth": 1.4, "linestyle": "--", "label": BASE_LABEL}
        axes.plot(x, range(len(x)), zorder=2 + place / len(trials), **look)
    hide_frame(axes)
    axes.set_yticks(range(len(order) + 1), ["loss", *order])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.set(ylim=(len(order) + 0.5, -0.5), xlim=(-0.12, 1.1))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return figure


def _loss_row(axes: Axes, result: SearchResult) -> None:
    losses = [loss for loss, _ in ranked(result.trials)]
    axes.plot([0, 1], [0, 0], color=RULE, linewidth=1)
    for at, loss in {0.0: losses[0], 1.0: losses[-1]}.items():
        _tick(axes, at, 0, f"{loss:.3g}")


def _loss_x(result: SearchResult, trial: TrialResult) -> float:
    losses = [math.log(max(loss, 1e-9)) for loss, _ in ranked(result.trials)]
    return (math.log(max(trial.loss or 0, 1e-9)) - losses[0]) / max(losses[-1] - losses[0], 1e-9)


def _row(axes: Axes, row: int, domain: Domain) -> None:
    """A setting's axis, with its values below."""
    axes.plot([0, 1], [row, row], color=RULE, linewidth=1)
    if isinstance(domain, tuple):
        for place, value in enumerate(domain):
            _tick(axes, place / max(len(domain) - 1, 1), row, readable_value(value))
        return
    for at in (0, 0.25, 0.5, 0.75, 1):
        value = domain.low + at * (domain.high - domain.low)
        if domain.log:
            value = domain.low * (domain.high / domain.low) ** at
        _tick(axes, at, row, f"{value:.3g}")


def _tick(axes: Axes, x: float, row: int, text: str) -> None:
    axes.plot([x, x], [row - 0.07, row + 0.07], color=MUTED, linewidth=1)
    paper: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}
    axes.text(x, row + 0.12, text, ha="center", va="top", fontsize=7.5, color=MUTED, zorder=4, bbox=paper)


def _x(domain: Domain, value: Value, trial: TrialResult) -> float:
    """Where a value lies on its axis, from 0 to 1; trials with the same choice lie a little apart."""
    if isinstance(domain, tuple):
        apart = 0.012 * (trial.number * 0.618 % 1 - 0.5) * 2
        return domain.index(value) / max(len(domain) - 1, 1) + apart
    number = float(value)
    if domain.log:
        return math.log(number / domain.low) / math.log(domain.high / domain.low)
    return (number - domain.low) / (domain.high - domain.low)


def importance(result: SearchResult) -> Figure:
    """A bar for each setting: its share in whether a trial is among the best, in percent."""
    names = list(result.importance)
    figure = chart_figure(0.5 + 0.3 * len(names))
    axes = figure.subplots()
    shares = [result.importance[name] for name in names]
    axes.barh(range(len(names)), shares, color=BLUE, height=0.6)
    for y, share in enumerate(shares):
        axes.text(share + 0.01 * max(shares), y, f"{100 * share:.0f} %", va="center", fontsize=8.5)
    hide_frame(axes)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.set(ylim=(len(names) - 0.4, -0.6), xlim=(0, 1.15 * max(shares)))
    return figure
