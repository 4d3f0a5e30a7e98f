"""Report -> its pictures as PNGs and one self-contained HTML page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from inkdigit.calibration import apply_temperature, negative_log_likelihood
from inkdigit.files import atomic
from inkdigit.report import charts
from inkdigit.report.content import Report


def write_report(report: Report, folder: Path) -> list[str]:
    """Write report.html and its PNGs into the folder; returns their names.

    Pictures that would show nothing (mistakes of a faultless model) are left out. Raises InkdigitError where
    the folder cannot be written.
    """
    files = pictures(report)
    files["report.html"] = page(report, files).encode()
    write(files, folder)
    return list(files)


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files into the folder, each complete or not at all."""
    for name, content in files.items():
        with atomic(folder / name) as temporary:
            temporary.write_bytes(content)


def pictures(report: Report) -> dict[str, bytes]:
    """File name -> PNG."""
    with mpl.rc_context(charts.STYLE):
        figures = {
            "samples": charts.samples(report.images, report.labels),
            "network": charts.network(report.layers, report.images[0]),
            "curves": charts.curves(report.history, report.learning_rates),
            "stages": charts.stages(report.stages),
        }
        if (report.augmented != report.augmented[:, :1]).any():
            figures["augmentation"] = charts.augmentation(report.augmented)
        if report.scored:
            figures["confusion"] = charts.confusion(report.scored.evaluation)
            figures["reliability"] = charts.reliability(report.scored)
            if report.scored.evaluation.correct < report.scored.evaluation.total:
                figures["mistakes"] = charts.mistakes(report.scored)
        return {f"{name}.png": png(figure) for name, figure in figures.items()}


def page(report: Report, files: dict[str, bytes]) -> str:
    """The HTML page, with those pictures inside."""
    before = None
    if scored := report.scored:
        raw = apply_temperature(scored.probabilities, 1 / scored.temperature)
        before = negative_log_likelihood(raw, scored.labels)
    return render(
        "page.html.j2",
        files,
        report=report,
        scored=report.scored,
        nll_before=before,
        seconds=sum(stage.seconds for stage in report.stages),
    )


def render(template: str, files: Mapping[str, bytes], **content: object) -> str:
    """A page from a template of this folder, with the pictures inside."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(duration=duration, short=short)
    pictures = {
        name.removesuffix(".png"): "data:image/png;base64," + base64.b64encode(picture).decode()
        for name, picture in files.items()
    }
    return environment.get_template(template).render(pictures=pictures, **content)


def duration(seconds: float) -> str:
    """`48.3 s`, `4 min 12 s`, `2 h 05 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def short(count: float) -> str:
    """A large count in three digits: `317 k`, `9.31 M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g} {unit}"
    return f"{count:g}"


def png(figure: Figure) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"optimize": True})
    return buffer.getvalue()
