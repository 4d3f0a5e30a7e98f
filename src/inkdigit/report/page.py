"""A run's report -> its pictures as PNGs and one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import negative_log_likelihood, uncalibrate
from inkdigit.report import archive, charts, image_grids
from inkdigit.report.data import CurvePoint, Report
from inkdigit.report.rendering import draw_pngs, render_page
from inkdigit.runs.run import damaged_manifest, read_run, write_run_files
from inkdigit.utils.printable import encodable


def write_report(folder: Path, name: str, curve: Sequence[CurvePoint]) -> None:
    """Draw a finished run's report again: write report.html and its PNGs, and name them in the manifest.

    Args:
        folder: The run folder.
        name: The run's name, for the title of the page.
        curve: The learning curve; empty if there is none.

    Raises:
        InkdigitError: The folder keeps nothing to draw a report from, or cannot be written.
    """
    manifest = read_run(folder).manifest
    try:
        training_rows = int(manifest["figures"]["training_rows"])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_manifest(folder, error) from None
    report = archive.read(folder)
    try:
        files = render_report(report, name, training_rows, curve)
    except Exception as error:  # arrays and facts that are not a report's: whatever is raised
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InkdigitError(
            f"{folder / archive.ARCHIVE} holds no report that can be drawn ({reason}): train again.",
            code="run-file-incompatible",
        ) from error
    outdated = {file for file in manifest["files"] if file.endswith(".png")} - set(files)
    write_run_files(folder, files, outdated)


def render_report(report: Report, name: str, training_rows: int, curve: Sequence[CurvePoint]) -> dict[str, bytes]:
    """Draw a report. Pictures that would show nothing, such as the mistakes of a model without any, are left out.

    Args:
        report: What the report shows.
        name: The run's name, for the title of the page.
        training_rows: Number of images that the scored network was trained on.
        curve: The learning curve; empty if there is none.

    Returns:
        File name -> content: the PNGs and report.html.
    """
    files = draw_pngs(report_figures(report, curve))
    return files | {"report.html": encodable(report_html(report, name, training_rows, curve, files)).encode()}


def report_figures(report: Report, curve: Sequence[CurvePoint]) -> Iterator[tuple[str, Figure]]:
    """Each picture's name and figure, in the order of the page."""
    yield "samples", image_grids.samples(report.samples)
    if (report.augmented != report.augmented[:, :1]).any():
        yield "augmentation", image_grids.augmentation(report.augmented)
    yield "network", charts.network(report.layers, report.digit)
    if len(report.convolutions.filters):
        yield "filters", image_grids.filters(report.convolutions, report.digit)
    if report.convolutions.stages:
        yield "feature_maps", image_grids.feature_maps(report.convolutions)
    yield "curves", charts.curves(report.history, report.learning_rates)
    if curve:
        yield "learning_curve", charts.learning_curve(curve)
    if scored := report.scored:
        yield "confusion", charts.confusion(scored.evaluation)
        if len(scored.mistakes.rows):
            yield "mistakes", image_grids.mistakes(scored)
        if len(scored.typical.rows):
            yield "typical_and_strange", image_grids.typical_and_strange(scored)
        if len(scored.occluded.rows):
            yield "occlusion", image_grids.occlusion(scored)
        yield "reliability", charts.reliability(scored)
    yield "stages", charts.stages(report.stages)


def report_html(
    report: Report, name: str, training_rows: int, curve: Sequence[CurvePoint], files: Mapping[str, bytes]
) -> str:
    """The HTML page; `files` are its PNGs, the other arguments as for `render_report`."""
    nll_before = None
    if scored := report.scored:
        uncalibrated = uncalibrate(scored.probabilities, scored.calibration)
        nll_before = negative_log_likelihood(uncalibrated, scored.labels)
    return render_page(
        "report/page.html.j2",
        files,
        title=f"Inkdigit: {name}",
        name=name,
        report=report,
        training_rows=training_rows,
        curve=curve,
        scored=scored,
        nll_before=nll_before,
        seconds=sum(stage.seconds for stage in report.stages),
    )
