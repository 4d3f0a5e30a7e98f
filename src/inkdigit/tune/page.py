"""A search's outcome -> one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from matplotlib.figure import Figure

from inkdigit.report.rendering import draw_pngs, render_page, write_files
from inkdigit.tune import charts
from inkdigit.tune.results import Outcome
from inkdigit.tune.space import AUGMENTATION, SCALED, own_values
from inkdigit.utils.hardware import describe_hardware, library_versions
from inkdigit.utils.options import describe_settings, readable_value

REPORT = "report.html"


def write_search(outcome: Outcome, folder: Path) -> None:
    """Write report.html, of a search of which a trial came to its last epoch. Raises InkdigitError where it cannot."""
    pictures = draw_pngs(_figures(outcome))
    units = {name: (unit, meaning) for name, _, unit, meaning in describe_settings(outcome.base)}
    units[AUGMENTATION] = ("", f"factor on {', '.join(SCALED)}")
    page = render_page(
        "tune/page.html.j2",
        pictures,
        title=f"Inkdigit: the search in {folder.absolute().name}",
        command=outcome.train_command(folder),
        outcome=outcome,
        own=own_values(outcome.space, outcome.base),
        units=units,
        value=readable_value,
        seconds=sum(trial.seconds or 0 for trial in outcome.trials),
        hardware=describe_hardware(),
        versions=library_versions() | {"optuna": metadata.version("optuna")},
    )
    write_files({REPORT: page.encode()}, folder)


def _figures(outcome: Outcome) -> Iterator[tuple[str, Figure]]:
    yield "history", charts.history(outcome)
    yield "parallel", charts.parallel(outcome)
    if outcome.importance:
        yield "importance", charts.importance(outcome)
