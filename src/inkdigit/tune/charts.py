"""A search's charts, one function each: its outcome in, matplotlib `Figure` out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from inkdigit.report.style import BLUE, INK, MUTED, RED, RULE, chart_figure, hide_frame
from inkdigit.tune.results import Outcome, TrialResult, ranked
from inkdigit.tune.space import Range, Value
from inkdigit.utils.options import readable_value

RANKS = LinearSegmentedColormap.from_list("ranks", ["#003a63", BLUE, "#8cc4e8", "#d5e4ef"])
BASE = "settings to start from"


def history(outcome: Outcome) -> Figure:
    """Each trial's loss in their order, with the best so far, and beside it the losses by epoch."""
    figure = chart_figure(3.3)
    left, right = figure.subplots(1, 2, sharey=True)
    complete = [trial for trial in outcome.trials if trial.state == "complete"]
    losses = np.array([trial.loss for trial in complete])
    numbers = [trial.number for trial in complete]
    left.plot([*numbers, len(outcome.trials)], [*np.minimum.accumulate(losses), losses.min()], color=BLUE,
              drawstyle="steps-post", linewidth=1.2, label="best so far")  # fmt: skip
    left.plot(numbers, losses, "o", color=BLUE, markersize=4, label="to the last epoch")
    pruned = [trial for trial in outcome.trials if trial.state == "pruned"]
    if pruned:
        look: dict[str, Any] = {"color": MUTED, "marker": "x", "markersize": 4, "linestyle": ""}
        left.plot([trial.number for trial in pruned], [trial.loss for trial in pruned], label="stopped early", **look)
    if outcome.first and outcome.first.loss:
        left.axhline(outcome.first.loss, color=MUTED, linewidth=1, linestyle=":", label=BASE)
    left.set(title="Loss", yscale="log", xlabel="trial")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend(loc="best", fontsize=8)
    _curves(right, outcome, [*pruned, *complete])
    _loss_ticks(left)
    return figure


def _curves(axes: Axes, outcome: Outcome, trials: list[TrialResult]) -> None:
    best = outcome.best
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


def parallel(outcome: Outcome) -> Figure:
    """Every trial that came to its end as a line through its loss and its settings, a row each; the best on top."""
    order = sorted(outcome.space, key=lambda name: -outcome.importance.get(name, 0))
    trials = [trial for _, trial in reversed(ranked(outcome.trials))]
    figure = chart_figure(0.62 * (len(order) + 1) + 0.2)
    axes = figure.subplots()
    _loss_row(axes, outcome)
    for row, name in enumerate(order, start=1):
        _row(axes, row, outcome.space[name])
    for place, trial in enumerate(trials):
        rank = 1 - place / max(len(trials) - 1, 1)  # 0: the best
        x = [_loss_place(outcome, trial), *(_place(outcome.space[name], trial.point[name], trial) for name in order)]
        look: dict[str, Any] = {"color": RANKS(rank), "linewidth": 1, "alpha": 0.9}
        if trial is outcome.best:
            look = {"color": RED, "linewidth": 2.2, "label": f"the best, trial {trial.number}"}
        elif trial is outcome.first:
            look = {"color": INK, "linewidth": 1.4, "linestyle": "--", "label": BASE}
        axes.plot(x, range(len(x)), zorder=2 + place / len(trials), **look)
    hide_frame(axes)
    axes.set_yticks(range(len(order) + 1), ["loss", *order])
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.set(ylim=(len(order) + 0.5, -0.5), xlim=(-0.12, 1.1))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return figure


def _loss_row(axes: Axes, outcome: Outcome) -> None:
    losses = [loss for loss, _ in ranked(outcome.trials)]
    axes.plot([0, 1], [0, 0], color=RULE, linewidth=1)
    for at, loss in {0.0: losses[0], 1.0: losses[-1]}.items():
        _tick(axes, at, 0, f"{loss:.3g}")


def _loss_place(outcome: Outcome, trial: TrialResult) -> float:
    losses = [math.log(max(loss, 1e-9)) for loss, _ in ranked(outcome.trials)]
    return (math.log(max(trial.loss or 0, 1e-9)) - losses[0]) / max(losses[-1] - losses[0], 1e-9)


def _row(axes: Axes, row: int, drawn: Range | tuple[Value, ...]) -> None:
    """A setting's axis, with its values below."""
    axes.plot([0, 1], [row, row], color=RULE, linewidth=1)
    if isinstance(drawn, tuple):
        for place, value in enumerate(drawn):
            _tick(axes, place / max(len(drawn) - 1, 1), row, readable_value(value))
        return
    for at in (0, 0.25, 0.5, 0.75, 1):
        value = drawn.low + at * (drawn.high - drawn.low)
        if drawn.log:
            value = drawn.low * (drawn.high / drawn.low) ** at
        _tick(axes, at, row, f"{value:.3g}")


def _tick(axes: Axes, x: float, row: int, text: str) -> None:
    axes.plot([x, x], [row - 0.07, row + 0.07], color=MUTED, linewidth=1)
    paper: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}
    axes.text(x, row + 0.12, text, ha="center", va="top", fontsize=7.5, color=MUTED, zorder=4, bbox=paper)


def _place(drawn: Range | tuple[Value, ...], value: Value, trial: TrialResult) -> float:
    """Where a value lies on its axis, from 0 to 1; trials of the same choice lie a little apart."""
    if isinstance(drawn, tuple):
        apart = 0.012 * (trial.number * 0.618 % 1 - 0.5) * 2
        return drawn.index(value) / max(len(drawn) - 1, 1) + apart
    number = float(value)
    if drawn.log:
        return math.log(number / drawn.low) / math.log(drawn.high / drawn.low)
    return (number - drawn.low) / (drawn.high - drawn.low)


def importance(outcome: Outcome) -> Figure:
    """How much each setting has to do with being among the best."""
    names = list(outcome.importance)
    figure = chart_figure(0.5 + 0.3 * len(names))
    axes = figure.subplots()
    shares = [outcome.importance[name] for name in names]
    axes.barh(range(len(names)), shares, color=BLUE, height=0.6)
    for y, share in enumerate(shares):
        axes.text(share + 0.01 * max(shares), y, f"{100 * share:.0f} %", va="center", fontsize=8.5)
    hide_frame(axes)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
    axes.set(ylim=(len(names) - 0.4, -0.6), xlim=(0, 1.15 * max(shares)))
    return figure
