"""Comparison -> its picture sheets as PNGs and one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from inkdigit import machine
from inkdigit.comparison import RUN_HEADINGS, Comparison, figures, p_value, tested
from inkdigit.report import sheets
from inkdigit.report.page import png, render, write
from inkdigit.report.style import STYLE

PAGE = "comparison.html"


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write comparison.html and a sheet for each pair of runs that differ somewhere; returns the page's path.

    An earlier comparison in the folder is overwritten. Raises InkdigitError where the folder cannot be written.
    """
    with mpl.rc_context(STYLE):
        files = {
            f"disagreements-{number}.png": png(sheets.disagreements(comparison, duel))
            for number, duel in enumerate(comparison.duels, start=2)
            if len(duel.only_first) or len(duel.only_second)
        }
    others = ", ".join(one.name for one in comparison.contenders[1:])
    page = render(
        "comparison.html.j2",
        files,
        title=f"Inkdigit: {comparison.contenders[0].name} against {others}",
        others=others,
        comparison=comparison,
        headings=RUN_HEADINGS,
        rows=[(one.name, *figures(one)) for one in comparison.contenders],
        tested=tested(comparison),
        p_value=p_value,
        versions=machine.versions(),
    )
    write({**files, PAGE: page.encode()}, folder)
    return folder / PAGE
