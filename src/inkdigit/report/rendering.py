"""Figures and templates -> PNG files and self-contained HTML pages."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from inkdigit.report.style import STYLE, format_duration


def draw_pngs(figures: Iterable[tuple[str, Figure]]) -> dict[str, bytes]:
    """Render named figures in the report's style.

    Args:
        figures: Name and figure. Pass a generator: the style holds while each figure is made, too.

    Returns:
        File name (`NAME.png`) -> content of the file.
    """
    with mpl.rc_context(STYLE):
        return {f"{name}.png": _png(figure) for name, figure in figures}


def _png(figure: Figure) -> bytes:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # A palette of 256 colours is enough for each picture and halves the size of the page.
    picture = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def render_page(template: str, files: Mapping[str, bytes], **values: object) -> str:
    """An HTML page that contains its pictures and loads nothing.

    Args:
        template: Path of the Jinja template, relative to the package `inkdigit`.
        files: The pictures: file name (`NAME.png`) -> content. The template finds them as `pictures.NAME`.
        values: The other variables of the template.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(duration=format_duration, short=format_count)
    pictures = {
        file.removesuffix(".png"): "data:image/png;base64," + base64.b64encode(content).decode()
        for file, content in files.items()
    }
    return environment.get_template(template).render(pictures=pictures, **values)


def format_count(count: float) -> str:
    """A large count with three digits: `317 k`, `9.31 M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g} {unit}"
    return f"{count:g}"
