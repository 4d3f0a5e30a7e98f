"""Comparison -> its picture sheets as PNGs and one self-contained HTML page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

from inkdigit.comparison.compare import RUN_HEADINGS, Comparison, figures, listed, p_value, tested
from inkdigit.report import image_grids
from inkdigit.report.page import png, render, write
from inkdigit.report.style import STYLE
from inkdigit.utils.hardware import library_versions

PAGE = "comparison.html"


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write comparison.html and a sheet for each pair of runs that differ somewhere; returns the page's path.

    An earlier comparison in the folder is overwritten, and its other sheets go. Raises InkdigitError where the folder
    cannot be written.
    """
    with mpl.rc_context(STYLE):
        files = {
            f"disagreements-{number}.png": png(image_grids.disagreements(comparison, duel))
            for number, duel in enumerate(comparison.duels, start=2)
            if len(duel.only_first) or len(duel.only_second)
        }
    others = listed([one.name for one in comparison.contenders[1:]])
    page = render(
        "comparison/page.html.j2",
        files,
        title=f"Inkdigit: {comparison.contenders[0].name} against {others}",
        others=others,
        comparison=comparison,
        headings=RUN_HEADINGS,
        rows=[(one.name, *figures(one)) for one in comparison.contenders],
        tested=tested(comparison),
        p_value=p_value,
        versions=library_versions(),
    )
    write(files, folder)
    for path in _outdated(folder, files):
        path.unlink()
    write({PAGE: page.encode()}, folder)  # last: while the old page is there, its sheets are known
    return folder / PAGE


def _outdated(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Sheets in the folder, beside these files, that an earlier comparison wrote: its page shows the very same."""
    if not (folder / PAGE).is_file():
        return []
    shown = (folder / PAGE).read_bytes()
    others = (path for path in folder.glob("disagreements-*.png") if path.name not in files and path.is_file())
    return [path for path in others if b'base64,%s"' % base64.b64encode(path.read_bytes()) in shown]
