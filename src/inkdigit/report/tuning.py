"""A search's outcome -> one self-contained HTML page."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import matplotlib as mpl

from inkdigit import machine
from inkdigit.knobs import describe, readable
from inkdigit.report import search
from inkdigit.report.page import png, render, write
from inkdigit.report.style import STYLE
from inkdigit.tune.outcome import Outcome
from inkdigit.tune.space import AUGMENTATION, SCALED, own_values

REPORT = "report.html"


def write_search(outcome: Outcome, folder: Path) -> None:
    """Write report.html, of a search of which a trial came to its last epoch. Raises InkdigitError where it cannot."""
    with mpl.rc_context(STYLE):
        pictures = {"history": png(search.history(outcome)), "parallel": png(search.parallel(outcome))}
        if outcome.importance:
            pictures["importance"] = png(search.importance(outcome))
    units = {name: (unit, meaning) for name, _, unit, meaning in describe(outcome.base)}
    units[AUGMENTATION] = ("", f"factor on {', '.join(SCALED)}")
    page = render(
        "tuning.html.j2",
        pictures,
        title=f"Inkdigit: the search in {folder.absolute().name}",
        command=outcome.train_command(folder),
        outcome=outcome,
        own=own_values(outcome.space, outcome.base),
        units=units,
        value=readable,
        seconds=sum(trial.seconds or 0 for trial in outcome.trials),
        hardware=machine.hardware(),
        versions=machine.versions() | {"optuna": metadata.version("optuna")},
    )
    write({REPORT: page.encode()}, folder)
