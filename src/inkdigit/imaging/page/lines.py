"""A picture of a page -> its lines of ink as straightened strips, and the ink that is in none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from inkdigit.imaging.crop import Box, mapped_box
from inkdigit.imaging.grayscale import Ink
from inkdigit.imaging.page.components import InkComponents, ink_components, min_digit_height, not_writing
from inkdigit.imaging.page.deskew import Strip, straightened
from inkdigit.imaging.page.grouping import Check, as_one_line, group_lines
from inkdigit.imaging.page.ink_map import InkMap, find_ink
from inkdigit.imaging.page.neighbours import Indices
from inkdigit.imaging.page.printed import CountDigits, without_print

Layout = Literal["page", "line"]

MAX_PIECES = 20_000  # components of ink as large as digits: more are gravel, grain or a screen of dots, not writing
CROWDED = 1500  # such components, from which on a page is read in part: see `rotation_sample` and `without_print`


@dataclass(frozen=True)
class RejectedRegion:
    """Ink that is in no line, and why, in a few words."""

    box: Box
    reason: str


@dataclass(frozen=True)
class Lines:
    """The lines of a page.

    Attributes:
        strips: the lines, from top to bottom.
        rejected: the ink that is in none.
    """

    strips: list[Strip]
    rejected: list[RejectedRegion]


def no_check() -> None:
    """Does nothing: the default where long work has no deadline."""


def lines_in(picture: Image.Image, layout: Layout = "page", ink: Ink = "auto") -> Lines:
    """An upright picture of mode L, RGB or RGBA -> its lines. Arguments as for `find_lines` and `find_ink`."""
    return find_lines(find_ink(picture, ink), layout)


def find_lines(
    ink_map: InkMap, layout: Layout = "page", check: Check = no_check, count_digits: CountDigits | None = None
) -> Lines:
    """The ink of a page -> its lines.

    Args:
        ink_map: the ink. If the page lies on its side, turn it first: see `candidate_rotations`.
        layout: "page" finds the lines; "line" takes all ink for one. With more than MAX_PIECES there are none.
        check: called again and again; raises to end the work.
        count_digits: how many clear digits are on strips. With it, the print on a crowded page is rejected.
    """
    found = ink_components(ink_map)
    min_height = min_digit_height(ink_map)
    rejected: list[RejectedRegion] = []
    free = found.size >= min_height
    if np.count_nonzero(free) > MAX_PIECES:
        height, width = ink_map.ink.shape
        return Lines([], [RejectedRegion(mapped_box(ink_map.to_picture, 0, 0, width, height), "too many pieces")])
    if layout == "page":
        for reason, unlike in not_writing(ink_map, found):
            rejected += [RejectedRegion(_box(ink_map, found, k), reason) for k in np.flatnonzero(unlike & free)]
            free &= ~unlike
    groups = as_one_line(found, free) if layout == "line" else group_lines(found, free, min_height, check)
    if count_digits and layout == "page" and np.count_nonzero(free) > CROWDED:
        groups, left_out = without_print(ink_map, found, groups, min_height, count_digits)
        rejected += [RejectedRegion(_box(ink_map, found, run), "print") for run in left_out]
    groups.sort(key=lambda group: float(np.median((found.top + found.bottom)[group.bodies])))
    strips: list[Strip] = []
    for group in groups:
        check()
        strips.append(straightened(ink_map, found, group.bodies, group.pieces))
    return Lines(strips, rejected)


def _box(ink_map: InkMap, found: InkComponents, chosen: Indices | np.intp) -> Box:
    """The box around one component or several, in the picture."""
    left, top = found.left[chosen].min(), found.top[chosen].min()
    return mapped_box(ink_map.to_picture, left, top, found.right[chosen].max(), found.bottom[chosen].max())
