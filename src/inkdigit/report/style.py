"""What all pictures of a report share: colours, type, and the sheet that digits are laid out on.

Colours are Okabe and Ito's (jfly.uni-koeln.de/color), told apart by colour-blind eyes; what they mean is also
said by marker, line style or text, for print. pyplot is not used: its global state does not survive threads.
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
SIDE = 28
TILE = 31  # a digit of 28 pixels and a gap
WIDTH = 7.4  # inches: with 9-point text it still reads when a phone shows the picture 560 px wide

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


def canvas(height: float) -> Figure:
    """A figure for axes, `height` inches high."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def bare(axes: Axes) -> None:
    """Take grid, spines and ticks away."""
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])


def sheet(width: float, height: float, title: float = 0) -> tuple[Figure, Axes]:
    """A figure that is one drawing area of width × height square units, y downwards, headings above 0."""
    figure = Figure(figsize=(WIDTH, WIDTH * (height + title) / width))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, -title), autoscale_on=False)
    return figure, axes


def heading(axes: Axes, x: float, text: str) -> None:
    """A sheet's heading over what begins at x."""
    axes.text(x + 2, -5, text, weight="bold", fontsize=10)


def tiles(axes: Axes, images: NDArray[np.uint8], left: float) -> None:
    """Draw (R, C, 28, 28) uint8 as one picture, a tile every TILE units, its left edge at x = left."""
    rows, columns = images.shape[:2]
    gap = TILE - SIDE
    padded = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap)))
    picture = padded.transpose(0, 2, 1, 3).reshape(TILE * rows, TILE * columns)
    extent = (left, left + TILE * columns, TILE * rows, 0)
    axes.imshow(picture, cmap="gray_r", vmin=0, vmax=255, interpolation="bicubic", extent=extent)


def digit(
    axes: Axes,
    image: NDArray[np.uint8],
    left: float,
    top: float,
    side: float = SIDE,
    *,
    smooth: bool = False,
    zorder: float = 1,
) -> None:
    """Draw one image (28, 28) uint8 as ink on paper."""
    look: dict[str, Any] = {"cmap": "gray_r", "vmin": 0, "vmax": 255, "zorder": zorder}
    extent = (left, left + side, top + side, top)
    axes.imshow(image, interpolation="bicubic" if smooth else "nearest", extent=extent, **look)


def signed(axes: Axes, values: NDArray[np.floating], left: float, top: float, *, smooth: bool = False) -> None:
    """Draw (H, W) numbers as a square: blue above zero, white at zero, orange below, as strong as the largest."""
    largest = max(float(np.abs(values).max()), 1e-12)
    look: dict[str, Any] = {"cmap": SIGNED, "vmin": -largest, "vmax": largest}
    extent = (left, left + SIDE, top + SIDE, top)
    axes.imshow(values, interpolation="bicubic" if smooth else "nearest", extent=extent, **look)


def drawable(text: str) -> str:
    """A text in which what the pictures' font lacks, such as Chinese characters, is a question mark."""
    known = get_font(findfont(STYLE["font.family"])).get_charmap()
    return "".join(character if ord(character) in known else "?" for character in text)


def chance(p: float) -> str:
    """A probability beside a digit: `98.6 %`."""
    if p >= 0.9995:
        return ">99.9 %"
    return f"{100 * p:.1f} %" if p >= 0.001 else "<0.1 %"


def duration(seconds: float) -> str:
    """`48.3 s`, `4 min 12 s`, `2 h 05 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
