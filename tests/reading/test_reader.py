"""Pictures with several digits are read, line by line."""

from __future__ import annotations

import numpy as np
from PIL import Image

from inkdigit import read
from inkdigit.data.dataset import Dataset
from inkdigit.reading.results import Reading


def test_lines_of_digits_are_read_from_top_to_bottom_and_from_left_to_right(real_digits: Dataset) -> None:
    page = Image.new("L", (700, 400), 255)
    chosen = [int(np.flatnonzero(real_digits.labels == digit)[5]) for digit in range(8)]
    for place, index in enumerate(chosen):
        digit = Image.fromarray(~real_digits.images[index]).resize((112, 112), Image.Resampling.BICUBIC)
        page.paste(digit, (20 + 150 * (place % 4), 30 + 180 * (place // 4)))
    reading = read(page)
    assert reading.text == "0123\n4567"
    x, y, width, height = reading.lines[1].digits[0].box
    assert 20 <= x < x + width <= 132
    assert 210 <= y < y + height <= 322


def test_a_blank_page_has_no_lines() -> None:
    assert read(Image.new("RGB", (300, 200), "white")) == Reading()


def test_digits_below_min_confidence_are_rejected(real_digits: Dataset) -> None:
    page = Image.fromarray(~real_digits.images[1]).resize((224, 224), Image.Resampling.BICUBIC)
    (digit,) = read(page).lines[0].digits
    reading = read(page, min_confidence=np.nextafter(digit.confidence, 2))
    assert not reading.lines
    assert [rejected.box for rejected in reading.rejected] == [digit.box]
