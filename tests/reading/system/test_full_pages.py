"""Pages with very much on them, and pictures that are thin lines: the work is bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit import read
from inkdigit.data.dataset import Dataset
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


def given_to_the_line_model(page: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many columns of strips each call gives to the line model while a page is read."""
    columns: list[int] = []
    find = LineDetector.find

    def counted(
        self: LineDetector, strips: Sequence[NDArray[np.uint8]], check: Callable[[], None]
    ) -> list[list[DetectedDigit]]:
        columns.append(sum(strip.shape[1] for strip in strips))
        return find(self, strips, check)

    with monkeypatch.context() as patch:
        patch.setattr(LineDetector, "find", counted)
        read(page)
    return columns


def test_a_full_page_is_given_to_the_line_model_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = given_to_the_line_model(rows_of("3", 30, 60), monkeypatch)
    assert len(columns) > 1  # the sample, and the page
    assert sum(columns) < 2 * max(columns)


def test_of_a_page_of_letters_a_small_part_is_given_to_the_line_model(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = given_to_the_line_model(rows_of("a", 60, 60), monkeypatch)
    digits = given_to_the_line_model(rows_of("3", 60, 60), monkeypatch)
    assert sum(letters) < 0.5 * sum(digits)


@pytest.mark.parametrize("alone", [True, False])
def test_numbers_written_on_a_page_of_print_are_read(alone: bool, real_digits: Dataset) -> None:
    """alone: whether nothing is printed to the left and right of them."""
    page, numbers = print_with_numbers(real_digits, alone=alone)
    found = read(page)
    assert [number for number in numbers if not any(number in line.text for line in found.lines)] == []
    assert {region.reason for region in found.rejected} >= {"print"}


def print_with_numbers(digits: Dataset, *, alone: bool) -> tuple[NDArray[np.uint8], list[str]]:
    """A page with 40 lines of printed letters, and numbers of four real digits in four places of it."""
    rng = np.random.default_rng(0)
    page = np.full((1800, 1700), 255, np.uint8)
    numbers: list[str] = []
    for row in range(40):
        y, written = 80 + 44 * row, row % 9 == 6
        for x in range(60, 1640, 20):
            if not (written and (alone or 780 <= x < 900)):
                letter = "abcdefghijklmnopqrstuvwxyz "[rng.integers(27)]
                cv2.putText(page, letter, (x, y), cv2.FONT_HERSHEY_COMPLEX, 0.7, 0, 1, cv2.LINE_AA)
        if written:
            chosen = rng.integers(0, len(digits), 4)
            numbers.append("".join(map(str, digits.required_labels[chosen])))
            for place, image in enumerate(digits.images[chosen]):
                part = page[y - 22 : y + 6, 800 + 18 * place : 828 + 18 * place]
                np.minimum(part, 255 - image, out=part)
    return page, numbers


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
