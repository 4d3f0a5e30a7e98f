"""Lines of ink, straightened."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inkdigit.imaging.page.deskew import STRIP_HEIGHT, STRIP_MARGIN, Strip
from inkdigit.imaging.page.ink_map import find_ink
from inkdigit.imaging.page.lines import Lines, find_lines, lines_in
from inkdigit.imaging.page.rotation import candidate_rotations
from tests.imaging.pages import Box, Page


def counts(found: Lines) -> list[int]:
    """How many components each line has."""
    return [len(boxes(strip)) for strip in found.strips]


def boxes(strip: Strip) -> list[Box]:
    """The components of a strip, from left to right: left, top, right, bottom."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((strip.image > 60).astype(np.uint8), connectivity=8)
    return sorted((int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[1:])


def test_a_strip_is_of_one_height_in_the_middle_and_bright():
    for tall in (14, 40, 300):
        page = Page.empty(1500, 700)
        page.write("07107", 60, 150, tall, pen=0.07)
        (strip,) = lines_in(page.picture()).strips
        assert strip.image.shape[0] == STRIP_HEIGHT
        found = boxes(strip)
        assert len(found) == 5
        assert all(abs(bottom - top - 28) <= (3 if tall > 20 else 5) for _, top, _, bottom in found)
        assert all(abs(top + bottom - STRIP_HEIGHT) <= 4 for _, top, _, bottom in found)
        assert not strip.image[:, : STRIP_MARGIN - 2].any()
        assert not strip.image[:, 2 - STRIP_MARGIN :].any()
        assert np.quantile(strip.image[strip.image > 60], 0.7) > 200


@pytest.mark.parametrize("degrees", [-8, 0, 5, 12])
def test_skewed_lines_are_straightened_and_their_boxes_lead_back(degrees: float):
    page = Page.empty(900, 500)
    page.write("0710707", 150, 100, 60)
    page.write("70070", 150, 300, 60)
    found = lines_in(page.turned(degrees).picture())
    assert counts(found) == [7, 5]
    for strip in found.strips:
        tops = [top for _, top, _, _ in boxes(strip)]
        assert max(tops) - min(tops) <= 4
    ink = page.turned(degrees).ink > 0.3
    for strip in found.strips:
        for box in boxes(strip):
            x, y, width, height = strip.box(*box)
            inside = ink[y : y + height, x : x + width]
            assert inside.any(axis=0).mean() > 0.65
            assert inside.any(axis=1).mean() > 0.65


def test_sizes_from_12_to_1000_pixels():
    page = Page.empty(2000, 1800)
    page.write("07", 100, 100, 1000)
    page.write("0717", 150, 1250, 120)
    page.write("70707170", 150, 1500, 40)
    page.write("0770177", 150, 1650, 13)
    assert counts(lines_in(page.picture())) == [2, 4, 8, 7]


def test_scattered_digits_are_all_found():
    page = Page.empty(1000, 1000)
    for x, y, digit in ((100, 80, "0"), (500, 350, "7"), (150, 600, "1"), (800, 850, "0")):
        page.write(digit, x, y, 90)
    assert sum(counts(lines_in(page.picture()))) == 4


def test_neighbouring_lines_are_left_out():
    page = Page.empty(900, 400)
    page.write("0000", 100, 100, 60)
    page.write("7777", 130, 166, 60)  # nearer than a line of the strip is high
    assert counts(lines_in(page.picture())) == [4, 4]


def test_a_broken_stroke_stays_together():
    page = Page.empty(900, 400)
    page.write("10101", 100, 100, 80)
    page.ink[135:142, 200:300] = page.ink[160:166, 380:500] = 0
    assert counts(lines_in(page.picture())) == [7]


def test_a_hard_shadow_hides_no_digit():
    page = Page.empty(900, 500)
    page.write("07107", 150, 120, 60)
    page.write("71007", 180, 280, 60)
    light = np.where(np.indices(page.ink.shape).sum(axis=0) > 700, 0.55, 1)
    assert counts(lines_in(page.picture(light=light))) == [5, 5]


def test_a_table_at_the_edge_and_the_corner_of_a_shadow_are_rejected():
    page = Page.empty(900, 600)
    page.write("07107", 300, 100, 60)
    page.ink[:, :70] = 1
    rows, columns = np.mgrid[: page.ink.shape[0], : page.ink.shape[1]]
    light = np.where((rows > 300 + np.abs(columns - 600)), 0.5, 1)
    found = lines_in(page.picture(light=light))
    assert counts(found) == [5]
    assert {region.reason for region in found.rejected} <= {"goes on beyond the picture", "shadow"}
    assert all(region.box[0] == 0 or region.box[1] > 200 for region in found.rejected)


def test_layout_line_takes_all_ink_for_one_line():
    page = Page.empty(300, 60)
    page.write("07", 20, 4, 40)
    page.write("70", 200, 18, 40)
    assert counts(lines_in(page.picture(), "line")) == [4]


def test_noise_and_a_blank_page_have_no_lines(rng: np.random.Generator):
    assert lines_in(Image.new("RGB", (500, 400), (200, 190, 180))) == Lines([], [])
    page = Page.empty(900, 500)
    assert lines_in(page.picture(rng, noise=6)).strips == []


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_page_on_its_side_is_turned(quarters: int):
    page = Page.empty(900, 500)
    page.write("0710707", 150, 100, 60)
    page.write("70070", 150, 300, 60)
    ink_map = find_ink(Page(np.rot90(page.ink, -quarters)).picture())
    likely = candidate_rotations(ink_map)
    assert (likely[0] % 2, len(likely)) == ((1, 3) if quarters % 2 else (0, 1))
    assert counts(find_lines(ink_map.turned(quarters))) == [7, 5]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 90), st.integers(1, 90), st.sampled_from(["L", "RGB", "RGBA"]), st.integers(0, 2**32 - 1), st.data()
)
def test_lines_of_any_picture_have_ink(width: int, height: int, mode: str, seed: int, data: st.DataObject):
    rng = np.random.default_rng(seed)
    depth = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    few = rng.integers(0, 256, (-(-height // 7), -(-width // 7), *depth), np.uint8)
    values = np.kron(few, np.ones((7, 7, *[1] * len(depth)), np.uint8))[:height, :width]
    found = lines_in(Image.fromarray(values), data.draw(st.sampled_from(["page", "line"])))
    for strip in found.strips:
        assert strip.image.shape[0] == STRIP_HEIGHT
        assert strip.image.any()


@pytest.mark.parametrize("size", [(40_000, 1), (1, 40_000), (30_000, 7)])
def test_a_picture_thinner_than_any_digit_has_no_lines(size: tuple[int, int]):
    assert lines_in(Image.effect_noise(size, 90)).strips == []


class StoppedError(Exception):
    """The work was ended."""


def test_long_work_ends_where_the_caller_says():
    page = Page.empty(900, 500)
    page.write("0710707", 150, 100, 60)
    page.write("70070", 150, 300, 60)
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise StoppedError

    with pytest.raises(StoppedError):
        find_lines(find_ink(page.picture()), check=check)
    assert calls == 5
