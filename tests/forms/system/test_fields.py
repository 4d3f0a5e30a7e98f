"""Fields are cut out, their printed lines taken away, and their digits read."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from docs.examples.form import make
from docs.examples.form.make import SCALE
from inkdigit.data.dataset import Dataset
from inkdigit.forms import fields
from inkdigit.forms.template import Field, Template
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer
from inkdigit.synth.glyphs import Hand

Page = NDArray[np.uint8]

SCAN = np.array([[SCALE, 0, -0.5], [0, SCALE, -0.5], [0, 0, 1]])  # mm -> pixels of a page as it is printed
RECOGNIZER = Recognizer.load()
PEN = Hand(width=0.08, slant=0.1)
CARD = Field("card", (20, 20, 98, 10), boxes=14)


def printed(field: Field, grey: int, thick: float = 0.3) -> Page:
    """A small form with one field and its boxes."""
    page = np.full((round(50 * SCALE), round(140 * SCALE), 3), 255, np.uint8)
    x, y, width, height = field.box
    for number in range(field.boxes):
        corner = np.array([(x + width * number / field.boxes, y), (x + width * (number + 1) / field.boxes, y + height)])
        one, other = np.round(corner * SCALE).astype(int).tolist()
        cv2.rectangle(page, tuple(one), tuple(other), (grey, grey, grey), round(thick * SCALE))
    return page


def read(page: Page, field: Field) -> tuple[str, fields.Digits]:
    crop = fields.cut_out(page, SCAN, field)
    if field.boxes > 1:
        found = fields.read_boxes(crop, field.boxes, RECOGNIZER)
    else:
        found = fields.read_line(crop, field.name, Reader(RECOGNIZER))
    return "".join(str(int(np.argmax(row))) for row in found.probabilities), found


@pytest.mark.parametrize(("grey", "thick"), [(200, 0.3), (110, 0.3), (0, 0.25), (0, 0.5)])
def test_printed_lines_of_any_grey_and_thickness_are_removed(grey: int, thick: float) -> None:
    crop = fields.cut_out(printed(CARD, grey, thick), SCAN, CARD)
    assert not crop.ink.any()


@pytest.mark.parametrize("grey", [200, 110, 0])
def test_ink_on_lines_is_kept(handwriting: Dataset, grey: int) -> None:
    form = Template((140, 50), None, (CARD,))
    text = "31415926535897"
    rng = np.random.default_rng(4)
    empty = np.full_like(printed(CARD, grey), 255)
    alone = make.fill(empty, form, {"card": text}, handwriting, rng, PEN, haste=0.9)
    both = np.minimum(alone, printed(CARD, grey))
    crop = fields.cut_out(both, SCAN, CARD)
    wanted = fields.cut_out(alone, SCAN, CARD).ink > 60
    lost = float((wanted & (crop.ink == 0)).sum() / wanted.sum())
    grown = float(((crop.ink > 60) & ~cv2.dilate(wanted.astype(np.uint8), np.ones((5, 5))).astype(bool)).sum())
    assert lost < (0.03 if grey else 0.08)
    assert grown / wanted.sum() < 0.02


@pytest.mark.parametrize("grey", [200, 110, 0])
def test_digits_in_boxes_are_read(handwriting: Dataset, grey: int) -> None:
    form = Template((140, 50), None, (CARD,))
    right = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        text = "".join(map(str, rng.integers(0, 10, CARD.boxes)))
        page = make.fill(printed(CARD, grey), form, {"card": text}, handwriting, rng, PEN, haste=0.5)
        found, _ = read(page, CARD)
        right += sum(one == other for one, other in zip(found, text, strict=False)) if len(found) == len(text) else 0
    assert right >= 66  # of 70


def test_empty_boxes_are_blank_and_a_gap_is_reported(handwriting: Dataset) -> None:
    form = Template((140, 50), None, (CARD,))
    rng = np.random.default_rng(2)
    start = make.fill(printed(CARD, 110), form, {"card": "4711"}, handwriting, rng, PEN)
    text, found = read(start, CARD)
    assert (text, found.gap) == ("4711", False)
    step = CARD.box[2] / CARD.boxes
    field = replace(CARD, box=(CARD.box[0] + 6 * step, *CARD.box[1:2], 4 * step, CARD.box[3]), boxes=4)
    later = make.fill(start, replace(form, fields=(field,)), {"card": "20"}, handwriting, rng, PEN)
    text, found = read(later, CARD)
    assert (text, found.gap) == ("471120", True)


def test_specks_and_print_around_a_field_are_not_digits(handwriting: Dataset) -> None:
    page = printed(CARD, 110)
    cv2.circle(page, (round(30 * SCALE), round(25 * SCALE)), 5, (0, 0, 0), cv2.FILLED)
    cv2.putText(page, "Card number 12345", (round(20 * SCALE), round(19 * SCALE)), 0, 1.4, (0, 0, 0), 3)
    assert read(page, CARD) == ("", fields.Digits(()))


def test_a_field_without_print_is_read_as_a_line(handwriting: Dataset) -> None:
    field = replace(CARD, boxes=0)
    form = Template((140, 50), None, (field,))
    page = np.full_like(printed(CARD, 0), 255)
    rng = np.random.default_rng(6)
    assert read(make.fill(page, form, {"card": "60213"}, handwriting, rng, PEN), field)[0] == "60213"


def test_a_row_of_boxes_a_millimetre_off_is_still_read(handwriting: Dataset) -> None:
    form = Template((140, 50), None, (CARD,))
    rng = np.random.default_rng(3)
    page = make.fill(printed(CARD, 110), form, {"card": "90876"}, handwriting, rng, PEN)
    moved = np.roll(page, (round(0.8 * SCALE), round(-1.0 * SCALE)), (0, 1))
    assert read(moved, CARD)[0] == "90876"
