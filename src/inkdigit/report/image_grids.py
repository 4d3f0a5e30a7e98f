"""Pictures made of digits, one function each: data in, matplotlib `Figure` out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from inkdigit.report.data import Samples, Scored
from inkdigit.report.feature_maps import Convolutions
from inkdigit.report.style import (
    BLUE,
    DRAWN_SIZE,
    INK,
    MUTED,
    RED,
    RULE,
    TILE_PITCH,
    draw_digit,
    draw_heading,
    draw_signed,
    draw_tiles,
    format_probability,
    grid_figure,
    replace_missing_glyphs,
)

MAX_FILTERS = 48  # shown in the picture
MAPS_PER_ROW = 12  # filters or feature maps
CAPTIONED_COLUMNS = 6
CAPTIONED_WIDTH = 42  # drawing units from one captioned digit to the next
CAPTION_HEIGHT = 5  # drawing units for one line of text

Caption = tuple[str, str]  # a line of text and its colour


def samples(shown: Samples) -> Figure:
    """Twelve training images of each digit, beside a bar chart of how many images of each digit there are."""
    counts = shown.counts
    left, longest = TILE_PITCH * (shown.images.shape[1] + 0.5), TILE_PITCH * 3.6
    figure, axes = grid_figure(left + longest + 1.6 * TILE_PITCH, 10 * TILE_PITCH, title=16)
    draw_tiles(axes, shown.images, 0)
    draw_heading(axes, 0, "Samples")
    draw_heading(axes, left, "Images of each")
    middles = TILE_PITCH * np.arange(10) + 14
    axes.barh(middles, longest * counts / counts.max(), left=left, color=BLUE, height=18)
    for y, count in zip(middles, counts, strict=True):
        axes.text(left + longest * count / counts.max() + 5, float(y), f"{count:,}", va="center", fontsize=8)
    return figure


def augmentation(augmented: NDArray[np.uint8]) -> Figure:
    """Original images, one per row, each beside augmented copies of it.

    Args:
        augmented: (rows, 1 + copies, 28, 28) uint8; column 0 is the original.
    """
    rows, columns = augmented.shape[:2]
    versions = TILE_PITCH * 1.4
    figure, axes = grid_figure(versions + TILE_PITCH * (columns - 1), TILE_PITCH * rows, title=18)
    draw_tiles(axes, augmented[:, :1], 0)
    draw_tiles(axes, augmented[:, 1:], versions)
    draw_heading(axes, 0, "Original")
    draw_heading(axes, versions, "As the network saw it in training")
    axes.axvline(TILE_PITCH * 1.2 - 1.5, color=RULE, linewidth=1)
    return figure


def filters(inner: Convolutions, image: NDArray[np.uint8]) -> Figure:
    """The first convolution's kernels, each above its response to one digit.

    Args:
        inner: Kernels and responses.
        image: (28, 28) uint8, the digit.
    """
    shown = min(len(inner.filters), MAX_FILTERS)
    left, high = 2.4 * TILE_PITCH, 2 * TILE_PITCH + 10
    rows = math.ceil(shown / MAPS_PER_ROW)
    figure, axes = grid_figure(left + MAPS_PER_ROW * TILE_PITCH, rows * high - 10, title=18)
    draw_heading(axes, 0, "The digit")
    draw_heading(axes, left, "Each filter, and its response below")
    draw_digit(axes, image, 0, 0, 2 * DRAWN_SIZE)
    _frame(axes, 0, 0, 2 * DRAWN_SIZE)
    for number in range(shown):
        x, y = left + TILE_PITCH * (number % MAPS_PER_ROW), high * (number // MAPS_PER_ROW)
        for values, top in ((inner.filters[number], y), (inner.responses[number], y + TILE_PITCH)):
            draw_signed(axes, values, x, top)
            _frame(axes, x, top)
    return figure


def feature_maps(inner: Convolutions) -> Figure:
    """The feature maps of one digit, one row for each convolution."""
    left, gap = 3 * TILE_PITCH, 6
    figure, axes = grid_figure(left + MAPS_PER_ROW * TILE_PITCH, len(inner.stages) * (TILE_PITCH + gap) - gap, title=1)
    for number, (layer, channels, maps) in enumerate(inner.stages):
        y = number * (TILE_PITCH + gap)
        height, width = maps.shape[1:]
        axes.text(0, y + 10, replace_missing_glyphs(layer), weight="bold", fontsize=8, va="center", parse_math=False)
        axes.text(0, y + 19, f"{channels} maps of {height}×{width}", color=MUTED, fontsize=7.5, va="center")
        for column, values in enumerate(maps):
            draw_signed(axes, values, left + TILE_PITCH * column, y)
            _frame(axes, left + TILE_PITCH * column, y)
    return figure


def mistakes(scored: Scored) -> Figure:
    """The most confident wrong predictions, the most confident first."""
    rows, images = scored.mistakes
    captions = [
        misread_captions(label, probabilities)
        for label, probabilities in zip(scored.labels[rows], scored.probabilities[rows], strict=True)
    ]
    return captioned_digits(images, captions)


def misread_captions(label: int, probabilities: NDArray[np.floating]) -> list[Caption]:
    """Two captions of a digit that was not read as it is labelled: what was read, and the label.

    Args:
        label: The label, 0 to 9.
        probabilities: (10,) predicted probabilities.
    """
    read = int(probabilities.argmax())
    return [
        (f"read {read} · {format_probability(float(probabilities[read]))}", RED),
        (f"labelled {label} · {format_probability(float(probabilities[label]))}", BLUE),
    ]


def captioned_digits(images: NDArray[np.uint8], captions: Sequence[Sequence[Caption]]) -> Figure:
    """Digits in rows of six, each with its captions below it.

    Args:
        images: (N, 28, 28) uint8, N at least 1.
        captions: For each image the same number of captions.
    """
    figure, axes = grid_figure(CAPTIONED_COLUMNS * CAPTIONED_WIDTH, captioned_height(len(images), len(captions[0])))
    draw_captioned(axes, 0, images, captions)
    return figure


def captioned_height(images: int, lines: int) -> float:
    """Height, in drawing units, of that number of images with that number of caption lines each."""
    return math.ceil(images / CAPTIONED_COLUMNS) * (36 + CAPTION_HEIGHT * lines)


def draw_captioned(
    axes: Axes,
    top: float,
    images: NDArray[np.uint8],
    captions: Sequence[Sequence[Caption]],
) -> None:
    """Draw framed digits in rows of six from y = `top`, the first caption of each in bold."""
    for number, (image, lines) in enumerate(zip(images, captions, strict=True)):
        x = CAPTIONED_WIDTH * (number % CAPTIONED_COLUMNS) + 7
        y = top + captioned_height(1, len(lines)) * (number // CAPTIONED_COLUMNS) + 2
        draw_digit(axes, image, x, y)
        _frame(axes, x, y)
        for line, (text, colour) in enumerate(lines):
            look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5, "color": colour}
            axes.text(x + 14, y + 32 + CAPTION_HEIGHT * line, text, weight="normal" if line else "bold", **look)


def typical_and_strange(scored: Scored) -> Figure:
    """The most typical and the strangest digits of each class; a misread digit carries the wrong prediction."""
    margin, apart = 12, TILE_PITCH + 5  # a misread digit needs room for the prediction
    right = margin + 10 * TILE_PITCH + 14
    figure, axes = grid_figure(right + 10 * apart, 10 * TILE_PITCH, title=18)
    for left, pitch, title, shown in (
        (margin, TILE_PITCH, "Most typical", scored.typical),
        (right, apart, "Strangest", scored.strange),
    ):
        draw_heading(axes, left - 2, title)
        filled = [0] * 10
        for row, image in zip(*shown, strict=True):
            truth, guess = scored.labels[row], scored.probabilities[row].argmax()
            x, y = left + pitch * filled[truth], TILE_PITCH * int(truth)
            filled[truth] += 1
            draw_digit(axes, image, x, y, smooth=True)
            if guess != truth:
                axes.text(x + pitch - 2, y + 27, str(guess), color=RED, weight="bold", fontsize=8, ha="right")
    for truth in range(10):
        axes.text(3, TILE_PITCH * truth + 14, str(truth), color=MUTED, weight="bold", va="center")
    axes.axvline(right - 9, color=RULE, linewidth=1)
    return figure


def occlusion(scored: Scored) -> Figure:
    """Digits coloured by how much the ink at each place supports (blue) or weakens (orange) the prediction."""
    found, columns, wide, high = scored.occlusion, 5, 34, 41
    rows = math.ceil(len(found.read) / columns)
    figure, axes = grid_figure(columns * wide, rows * high)
    pixels = np.arange(DRAWN_SIZE) + 0.5
    for number, (row, image) in enumerate(zip(*scored.occluded, strict=True)):
        left, top = wide * (number % columns) + 3, high * (number // columns) + 1
        draw_signed(axes, found.losses[number], left, top, smooth=True)
        axes.contour(left + pixels, top + pixels, image, levels=[100], colors=INK, linewidths=1)
        _frame(axes, left, top)
        read, label = found.read[number], scored.labels[row]
        text: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
        fall = f"{format_probability(found.before[number])} → {format_probability(found.lowest[number])}"
        wrong = f", labelled {label}" if read != label else ""
        axes.text(left + 14, top + 31, f"read {read}{wrong}", color=RED if wrong else INK, weight="bold", **text)
        axes.text(left + 14, top + 35, fall, color=MUTED, **text)
    return figure


def _frame(axes: Axes, left: float, top: float, side: float = DRAWN_SIZE) -> None:
    axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=RULE, linewidth=0.8))
