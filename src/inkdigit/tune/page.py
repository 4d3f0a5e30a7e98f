"""A search's result -> one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from matplotlib.figure import Figure

from inkdigit.report.rendering import draw_pngs, render_page
from inkdigit.tune import charts
from inkdigit.tune.results import SearchResult
from inkdigit.tune.space import AUGMENTATION, AUGMENTATION_MEANING, base_point
from inkdigit.utils.files import write_files
from inkdigit.utils.hardware import describe_hardware, library_versions
from inkdigit.utils.options import describe_settings, readable_value
from inkdigit.utils.printable import encodable

REPORT = "report.html"


def write_page(result: SearchResult, folder: Path) -> None:
    """Write report.html of a search with at least one complete trial. Raises InkdigitError where it cannot."""
    pictures = draw_pngs(_figures(result))
    units = {name: (unit, meaning) for name, _, unit, meaning in describe_settings(result.base)}
    units[AUGMENTATION] = ("", AUGMENTATION_MEANING)
    page = render_page(
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
    write_files({REPORT: encodable(page).encode()}, folder)


def _figures(result: SearchResult) -> Iterator[tuple[str, Figure]]:
    yield "history", charts.history(result)
    yield "parallel", charts.parallel(result)
    if result.importance:
        yield "importance", charts.importance(result)
