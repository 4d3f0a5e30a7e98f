"""Ink, whatever the light, the paper and the pen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from inkdigit.imaging.page.ink_map import MAX_MAP_PIXELS, InkMap, find_ink
from tests.imaging.pages import Page


def written(tall: int = 60, pen: float = 0.1) -> Page:
    page = Page.empty(900, 500)
    page.write("07107", 150, 120, tall, pen)
    page.write("71007", 180, 280, tall, pen)
    return page


def check(ink_map: InkMap, page: Page) -> None:
    """All strokes are ink, and nothing is that is not beside one."""
    assert ink_map.ink.shape == page.ink.shape
    strokes = page.ink > 0.95
    assert (ink_map.ink[strokes] > 100).mean() > 0.97
    near = np.asarray(Image.fromarray(page.ink > 0).convert("L").filter(ImageFilter.MaxFilter(9))) > 0
    assert (ink_map.ink[~near] > 0).mean() < 0.0005


def gradient(page: Page) -> NDArray[Any]:
    rows, columns = np.mgrid[: page.ink.shape[0], : page.ink.shape[1]]
    return 1 - 0.5 * rows / len(rows) - 0.3 * columns / columns.shape[1]


@pytest.mark.parametrize("tall", [14, 60, 200])
def test_plain_ink_on_plain_paper_is_found(tall: int):
    page = Page.empty(1200, 500)
    page.write("07107", 100, 120, tall)
    ink_map = find_ink(page.picture())
    check(ink_map, page)
    assert ink_map.light_paper


def test_bright_ink_on_dark_paper_is_found():
    page = written()
    ink_map = find_ink(page.picture(paper=(35, 45, 40), pen=(230, 230, 220)))
    check(ink_map, page)
    assert not ink_map.light_paper


def test_ink_in_uneven_light_and_noise_is_found(rng: np.random.Generator):
    page = written()
    check(find_ink(page.picture(rng, noise=6, light=gradient(page))), page)


def test_faint_pencil_in_noise_is_found(rng: np.random.Generator):
    page = written(pen=0.06)
    check(find_ink(page.picture(rng, noise=3, light=gradient(page), pen=(160, 158, 155))), page)


def test_the_colour_that_shows_the_ink_is_taken():
    page = written()
    check(find_ink(page.picture(paper=(150, 190, 150), pen=(230, 150, 150))), page)


def test_writing_that_shows_through_is_not_ink():
    page = written()
    behind = Page.empty(900, 500)
    behind.write("7070707", 100, 200, 70)
    alone = page.ink.copy()
    page.add(behind.ink * 0.15)
    check(find_ink(page.picture()), Page(alone))


@pytest.mark.parametrize("noise", [0, 4])
def test_a_blank_page_has_no_ink(rng: np.random.Generator, noise: float):
    page = Page.empty(900, 500)
    assert (find_ink(page.picture(rng, noise=noise, light=gradient(page))).ink > 0).mean() < 0.0005


def test_the_inside_of_a_broad_stroke_is_ink():
    page = Page.empty(1500, 1200)
    page.write("70", 200, 200, 700, pen=0.13)
    ink_map = find_ink(page.picture())
    assert (ink_map.ink[page.ink > 0.95] == 255).mean() > 0.99


def test_a_very_large_picture_is_shrunk():
    side = int((MAX_MAP_PIXELS * 1.1) ** 0.5)
    ink_map = find_ink(Image.new("L", (side, side), 200))
    assert ink_map.ink.shape == (-(-side // 2),) * 2
    np.testing.assert_array_equal(ink_map.to_picture, [[2, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_turned_ink_map_still_maps_to_the_picture(quarters: int):
    page = Page.empty(300, 200)
    page.write("0", 220, 30, 40)
    ink_map = find_ink(page.picture())
    turned = ink_map.turned(quarters)
    rows, columns = np.nonzero(turned.ink)
    x, y = turned.to_picture @ np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))])
    np.testing.assert_array_equal(ink_map.ink[y.astype(int), x.astype(int)], turned.ink[rows, columns])


@pytest.mark.parametrize("bright", [False, True])
def test_paper_on_a_table_as_dark_as_the_ink_is_still_paper(bright: bool, rng: np.random.Generator):
    page = Page.empty(700, 460)
    page.write("07170", 120, 180, 70)
    sheet = page.picture(rng, noise=3)
    table = Image.new("RGB", (900, 640), (45, 38, 35))
    table.paste(sheet, (100, 90))
    found = find_ink(ImageOps.invert(table) if bright else table)
    assert found.light_paper is not bright
    inked = found.ink[90 + 150 : 90 + 280, 100 + 100 : 100 + 520] > 60
    drawn = page.ink[150:280, 100:520] > 0.5
    assert (inked & drawn).sum() > 0.8 * drawn.sum()
    assert inked.sum() < 1.6 * drawn.sum()


def test_a_broad_stroke_that_fills_the_picture_is_the_ink():
    for light in (True, False):
        picture = Image.new("L", (300, 300), 255 if light else 0)
        ImageDraw.Draw(picture).line([(150, 30), (150, 270)], fill=0 if light else 255, width=60)
        noisy = np.asarray(picture).astype(int) + np.random.default_rng(0).normal(0, 4, (300, 300))
        assert find_ink(Image.fromarray(noisy.clip(0, 255).astype(np.uint8))).light_paper is light


def test_a_drawing_has_the_ink_that_a_scan_of_it_has():
    page = Page.empty(400, 300)
    page.write("071", 60, 90, 100)
    drawing = (255 * (1 - page.ink)).astype(np.uint8)
    scan = (drawing + np.random.default_rng(0).integers(-3, 4, drawing.shape)).clip(0, 255).astype(np.uint8)
    clean, noisy = (find_ink(Image.fromarray(picture)).ink > 100 for picture in (drawing, scan))
    assert (clean & noisy).sum() > 0.9 * (clean | noisy).sum()
