"""Comparison -> its pictures as PNGs and one self-contained HTML page."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from inkdigit.comparison.compare import Comparison
from inkdigit.comparison.disagreements import disagreements
from inkdigit.comparison.images import join_names
from inkdigit.comparison.text import RUN_HEADINGS, explain_p_values, run_cells, verdict
from inkdigit.report.rendering import draw_pngs, render_page
from inkdigit.utils.files import write_files
from inkdigit.utils.hardware import library_versions
from inkdigit.utils.printable import encodable

PAGE = "comparison.html"


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write comparison.html, and a picture for each pair of runs that read some image differently.

    An earlier comparison in the folder is overwritten, and the pictures that only it had are removed.

    Returns:
        The path of the page.

    Raises:
        InkdigitError: The folder cannot be written.
    """
    files = draw_pngs(_figures(comparison))
    others = join_names([result.name for result in comparison.results[1:]])
    page = render_page(
        "comparison/page.html.j2",
        files,
        title=f"Inkdigit: {comparison.results[0].name} against {others}",
        others=others,
        comparison=comparison,
        headings=RUN_HEADINGS,
        rows=[(result.name, *run_cells(result)) for result in comparison.results],
        verdicts=[verdict(test) for test in comparison.tests],
        p_values=explain_p_values(len(comparison.tests)),
        versions=library_versions(),
    )
    write_files(files, folder)
    for path in _outdated(folder, files):
        path.unlink()
    write_files({PAGE: encodable(page).encode()}, folder)  # last: the old page tells which pictures are its own
    return folder / PAGE


def _figures(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    for number, test in enumerate(comparison.tests, start=2):
        if len(test.only_first) or len(test.only_second):
            yield f"disagreements-{number}", disagreements(comparison, test)


def _outdated(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Pictures that only an earlier comparison has; they are its own if its page contains the same bytes."""
    if not (folder / PAGE).is_file():
        return []
    shown = (folder / PAGE).read_bytes()
    others = (path for path in folder.glob("disagreements-*.png") if path.name not in files and path.is_file())
    return [path for path in others if b'base64,%s"' % base64.b64encode(path.read_bytes()) in shown]
