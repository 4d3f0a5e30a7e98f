"""The look of all report pictures: colours, fonts, figures, and functions that draw digits.

The colours are Okabe and Ito's (jfly.uni-koeln.de/color), which colour-blind readers can distinguish. A marker, a line
style or a text repeats what each colour means, for print. pyplot is not used: its global state is not safe in threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from numpy.typing import NDArray

INK, MUTED, RULE = "#1b2430", "#5b6673", "#dfe3e8"
BLUE, RED, GREEN, SKY = "#0072b2", "#d55e00", "#009e73", "#56b4e9"
ERRORS = LinearSegmentedColormap.from_list("errors", ["#fff4ea", "#f6b27a", RED, "#7a2f00"])
SIGNED = LinearSegmentedColormap.from_list("signed", ["#7a2f00", RED, "#f6b27a", "#fff", "#8cc4e8", BLUE, "#003a63"])
DRAWN_SIZE = 28  # drawing units, one for each pixel of a digit
TILE_PITCH = 31  # drawing units from one digit to the next: a digit and a gap
FIGURE_WIDTH = 7.4  # inches: 9-point text is still legible when a phone shows the picture 560 px wide

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "figure.dpi": 160,
}


def chart_figure(height: float) -> Figure:
    """An empty figure for charts with axes; `height` is in inches."""
    return Figure(figsize=(FIGURE_WIDTH, height), layout="constrained")


def hide_frame(axes: Axes) -> None:
    """Remove the grid, the spines and the ticks of the x-axis."""
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])


def grid_figure(width: float, height: float, title: float = 0) -> tuple[Figure, Axes]:
    """An empty figure on which digits are placed by hand, and its only axes.

    Args:
        width: Width of the drawing area, in drawing units (a digit is 28 wide).
        height: Height of the drawing area. y grows downwards.
        title: Extra height above y = 0, for headings.
    """
    figure = Figure(figsize=(FIGURE_WIDTH, FIGURE_WIDTH * (height + title) / width))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, -title), autoscale_on=False)
    return figure, axes


def draw_heading(axes: Axes, x: float, text: str) -> None:
    """Write a heading above the drawing area, starting at `x`."""
    axes.text(x + 2, -5, text, weight="bold", fontsize=10)


def draw_tiles(axes: Axes, images: NDArray[np.uint8], left: float) -> None:
    """Draw a grid of digits, (rows, columns, 28, 28) uint8, from x = `left`, y = 0."""
    rows, columns = images.shape[:2]
    gap = TILE_PITCH - DRAWN_SIZE
    padded = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap)))
    picture = padded.transpose(0, 2, 1, 3).reshape(TILE_PITCH * rows, TILE_PITCH * columns)
    extent = (left, left + TILE_PITCH * columns, TILE_PITCH * rows, 0)
    axes.imshow(picture, cmap="gray_r", vmin=0, vmax=255, interpolation="bicubic", extent=extent)


def draw_digit(
    axes: Axes,
    image: NDArray[np.uint8],
    left: float,
    top: float,
    side: float = DRAWN_SIZE,
    *,
    smooth: bool = False,
    zorder: float = 1,
) -> None:
    """Draw one image, (28, 28) uint8, as dark ink on white; `side` is in drawing units."""
    look: dict[str, Any] = {"cmap": "gray_r", "vmin": 0, "vmax": 255, "zorder": zorder}
    extent = (left, left + side, top + side, top)
    axes.imshow(image, interpolation="bicubic" if smooth else "nearest", extent=extent, **look)


def draw_signed(axes: Axes, values: NDArray[np.floating], left: float, top: float, *, smooth: bool = False) -> None:
    """Draw numbers, (H, W), as a square of a digit's size: blue above zero, white at zero, orange below.

    The colours are scaled so that the largest absolute value gets the strongest colour.
    """
    largest = max(float(np.abs(values).max()), 1e-12)
    look: dict[str, Any] = {"cmap": SIGNED, "vmin": -largest, "vmax": largest}
    extent = (left, left + DRAWN_SIZE, top + DRAWN_SIZE, top)
    axes.imshow(values, interpolation="bicubic" if smooth else "nearest", extent=extent, **look)


def replace_missing_glyphs(text: str) -> str:
    """The text with "?" in place of characters that the pictures' font lacks, such as Chinese ones."""
    known = get_font(findfont(STYLE["font.family"])).get_charmap()
    return "".join(character if ord(character) in known else "?" for character in text)


def format_probability(p: float) -> str:
    """A probability as it is written beside a digit: `98.6 %`."""
    if p >= 0.9995:
        return ">99.9 %"
    return f"{100 * p:.1f} %" if p >= 0.001 else "<0.1 %"


def format_duration(seconds: float) -> str:
    """`48.3 s`, `4 min 12 s`, `2 h 05 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
