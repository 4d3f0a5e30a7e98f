"""A run's report -> its pictures as PNGs and one self-contained HTML page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from inkdigit.evaluation.calibration import negative_log_likelihood, uncalibrate
from inkdigit.report import archive, charts, image_grids
from inkdigit.report.data import CurvePoint, Report
from inkdigit.report.style import STYLE, duration
from inkdigit.runs.run import add_to_manifest, damaged_manifest, read_run
from inkdigit.utils.files import atomic


def write_report(folder: Path, name: str, curve: Sequence[CurvePoint]) -> None:
    """Draw the report of a finished run again: report.html and its PNGs, named in the manifest.

    Args:
        folder: the run.
        name: of the run, for the page's title.
        curve: the learning curve; empty where there is none.

    Raises:
        InkdigitError: The folder holds no report to draw, or cannot be written.
    """
    manifest = read_run(folder).manifest
    try:
        training_rows = int(manifest["figures"]["training_rows"])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_manifest(folder, error) from None
    files = render_report(archive.read(folder), name, training_rows, curve)
    write(files, folder)
    outdated = {file for file in manifest["files"] if file.endswith(".png")} - set(files)
    add_to_manifest(folder, list(files), outdated)


def render_report(report: Report, name: str, training_rows: int, curve: Sequence[CurvePoint]) -> dict[str, bytes]:
    """Draw a report: its PNGs and report.html, by file name.

    Pictures that would show nothing (mistakes of a faultless model) are left out.

    Args:
        report: what to draw.
        name: of the run, for the page's title.
        training_rows: how many images the network that was scored was trained on.
        curve: the learning curve; empty where there is none.
    """
    files = pictures(report, curve)
    return files | {"report.html": page(report, name, training_rows, curve, files).encode()}


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, each complete or not at all. Raises InkdigitError where it cannot be written."""
    for file, content in files.items():
        with atomic(folder / file) as temporary:
            temporary.write_bytes(content)


def pictures(report: Report, curve: Sequence[CurvePoint]) -> dict[str, bytes]:
    """File name -> PNG."""
    with mpl.rc_context(STYLE):
        return {f"{name}.png": png(figure) for name, figure in _figures(report, curve)}


def _figures(report: Report, curve: Sequence[CurvePoint]) -> Iterator[tuple[str, Figure]]:
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


def page(report: Report, name: str, learnt: int, curve: Sequence[CurvePoint], files: Mapping[str, bytes]) -> str:
    """The HTML page, with those pictures inside. learnt: how many images the network that was scored has learnt."""
    before = None
    if scored := report.scored:
        raw = uncalibrate(scored.probabilities, scored.calibration)
        before = negative_log_likelihood(raw, scored.labels)
    return render(
        "report/page.html.j2",
        files,
        title=f"Inkdigit: {name}",
        name=name,
        report=report,
        learnt=learnt,
        curve=curve,
        scored=report.scored,
        nll_before=before,
        seconds=sum(stage.seconds for stage in report.stages),
    )


def render(template: str, files: Mapping[str, bytes], **facts: object) -> str:
    """A page from a template of the package, by its path in there; its pictures go inside."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(duration=duration, short=short)
    pictures = {
        file.removesuffix(".png"): "data:image/png;base64," + base64.b64encode(content).decode()
        for file, content in files.items()
    }
    return environment.get_template(template).render(pictures=pictures, **facts)


def short(count: float) -> str:
    """A large count in three digits: `317 k`, `9.31 M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g} {unit}"
    return f"{count:g}"


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a small PNG."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # 256 colours of the picture's own are enough for each, and halve the page.
    picture = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return buffer.getvalue()
