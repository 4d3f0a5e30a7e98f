"""A run's report -> its pictures as PNGs and one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from inkdigit.evaluation.calibration import negative_log_likelihood, uncalibrate
from inkdigit.report import archive, charts, image_grids
from inkdigit.report.data import Report
from inkdigit.report.rendering import draw_pngs, render_page, write_files
from inkdigit.runs.learning_curve import Point, curve_point, curve_points
from inkdigit.runs.run import add_to_manifest, read_run


def write_report(folder: Path, name: str) -> None:
    """Write report.html and its PNGs into a run folder, from its report.npz, and name them in the manifest.

    Pictures that would show nothing (the mistakes of a model without any) are left out.

    Args:
        folder: The run folder.
        name: The run's name, for the title of the page.

    Raises:
        InkdigitError: The folder keeps nothing to write a report from, or cannot be written.
    """
    report = archive.read(folder)
    training_rows = curve_point(read_run(folder), name).rows
    curve = curve_points(folder, name)
    files = draw_pngs(_figures(report, curve))
    files["report.html"] = _html(report, name, training_rows, curve, files).encode()
    write_files(files, folder)
    outdated = {file for file in read_run(folder).manifest["files"] if file.endswith(".png")} - set(files)
    add_to_manifest(folder, list(files), outdated)


def _figures(report: Report, curve: Sequence[Point]) -> Iterator[tuple[str, Figure]]:
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


def _html(report: Report, name: str, training_rows: int, curve: Sequence[Point], files: Mapping[str, bytes]) -> str:
    """The page; `training_rows` is the number of images that the scored network was trained on."""
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
