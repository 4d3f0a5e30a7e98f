"""A search's result -> one self-contained HTML page."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import matplotlib as mpl

from inkdigit.report.page import png, render, write
from inkdigit.report.style import STYLE
from inkdigit.tune import charts
from inkdigit.tune.results import SearchResult
from inkdigit.tune.space import AUGMENTATION, AUGMENTATION_MEANING, base_point
from inkdigit.utils.hardware import describe_hardware, library_versions
from inkdigit.utils.options import describe_settings, readable_value

REPORT = "report.html"


def write_page(result: SearchResult, folder: Path) -> None:
    """Write report.html of a search with at least one complete trial. Raises InkdigitError where it cannot."""
    with mpl.rc_context(STYLE):
        pictures = {"history": png(charts.history(result)), "parallel": png(charts.parallel(result))}
        if result.importance:
            pictures["importance"] = png(charts.importance(result))
    units = {name: (unit, meaning) for name, _, unit, meaning in describe_settings(result.base)}
    units[AUGMENTATION] = ("", AUGMENTATION_MEANING)
    page = render(
        "tune/page.html.j2",
        pictures,
        title=f"Inkdigit: the search in {folder.absolute().name}",
        command=result.train_command(folder),
        result=result,
        start=base_point(result.space, result.base),
        units=units,
        value=readable_value,
        seconds=sum(trial.seconds or 0 for trial in result.trials),
        hardware=describe_hardware(),
        versions=library_versions() | {"optuna": metadata.version("optuna")},
    )
    write({REPORT: page.encode()}, folder)
