"""Pages with very much on them, and pictures that are thin lines: the work is bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit import read
from inkdigit.imaging.page import lines
from inkdigit.reading.line_model.detector import DetectedDigit, LineDetector
from tests.errors import refused


def rows_of(sign: str, rows: int, columns: int) -> NDArray[np.uint8]:
    """A page on which one sign is printed again and again."""
    page = np.full((rows * 40 + 80, columns * 24 + 80), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            place = 40 + 24 * column, 70 + 40 * row
            cv2.putText(page, sign, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 0, 2, cv2.LINE_AA)
    return page


def test_a_full_page_is_given_to_the_line_model_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels: list[int] = []
    find = LineDetector.find

    def counted(
        self: LineDetector, strips: Sequence[NDArray[np.uint8]], check: Callable[[], None]
    ) -> list[list[DetectedDigit]]:
        pixels.append(sum(strip.shape[1] for strip in strips))
        return find(self, strips, check)

    monkeypatch.setattr(LineDetector, "find", counted)
    read(rows_of("a", 30, 60))
    assert len(pixels) > 1  # the sample, and the page
    assert sum(pixels) < 2 * max(pixels)


def test_too_many_pieces_are_one_rejected_region(monkeypatch: pytest.MonkeyPatch) -> None:
    page = rows_of("3", 5, 10)
    monkeypatch.setattr(lines, "MAX_PIECES", 40)
    found = read(page)
    assert not found.lines
    assert [region.box for region in found.rejected] == [(0, 0, page.shape[1], page.shape[0])]


@pytest.mark.parametrize("size", [(1, 1100), (1100, 1), (3, 5000), (1, 100_000)])
@pytest.mark.parametrize("layout", ["page", "line"])
def test_a_thin_line_is_refused(size: tuple[int, int], layout: Any) -> None:
    page = np.full(size, 255, np.uint8)
    page[: size[0] // 2 + 1, : size[1] // 2 + 1] = 0
    with refused("picture-too-narrow", size[0], size[1]):
        read(page, layout=layout)


def test_a_full_page_on_its_side_is_turned() -> None:
    page = rows_of("3", 35, 60)
    upright = read(page).text
    assert upright.count("3") > 1500
    assert read(np.rot90(page).copy()).text == upright
