"""A form is found wherever and however it lies; where it is not, the picture is refused."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from docs.examples.form.make import SCALE
from inkdigit.errors import InkdigitError
from inkdigit.forms.homography import Matrix, placed
from inkdigit.forms.locate import locate
from inkdigit.forms.template import Field, Template
from inkdigit.synth.paper import clouds, grains
from tests.errors import refused

Page = NDArray[np.uint8]

SIZE = 1600, 1200
FLAT = ((150, 130), (1450, 130), (1450, 1046), (150, 1046))
TILTED = ((210, 160), (1400, 90), (1520, 1090), (90, 990))


def photo(page: Page, corners: tuple[tuple[float, float], ...], turns: int = 0) -> tuple[Page, Matrix]:
    """A grey photo (1200, 1600) with the page's corners there, turned by quarters; and where mm are in it."""
    height, width = page.shape[:2]
    edges = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - np.float32(0.5)
    seen = np.roll(np.array(corners, np.float32), turns, axis=0)
    matrix = cv2.getPerspectiveTransform(edges, seen)
    grey = cv2.GaussianBlur(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), (0, 0), 0.8)
    table = np.full((SIZE[1], SIZE[0]), 70, np.uint8)
    picture = cv2.warpPerspective(grey, matrix, SIZE, dst=table, borderMode=cv2.BORDER_TRANSPARENT)
    pixels = np.array([[SCALE, 0, -0.5], [0, SCALE, -0.5], [0, 0, 1]])
    return np.asarray(picture, np.uint8), matrix @ pixels


def off(form: Template, found: Matrix, truth: Matrix) -> float:
    """The greatest distance, in pixels, between where a field's corner was found and where it is."""
    boxes = [field.box for field in form.fields]
    corners = np.array([(x + a * w, y + b * h) for x, y, w, h in boxes for a in (0, 1) for b in (0, 1)], np.float64)
    return float(np.linalg.norm(placed(found, corners) - placed(truth, corners), axis=1).max())


@pytest.mark.parametrize("turns", range(4))
def test_the_marks_show_which_way_is_up(form: Template, page: Page, turns: int) -> None:
    picture, truth = photo(page, ((500, 60), (1150, 60), (1150, 980), (500, 980)) if turns % 2 else FLAT, turns)
    assert off(form, locate(picture, form, "photo"), truth) < 2


def test_a_page_seen_at_an_angle_is_found(form: Template, page: Page) -> None:
    picture, truth = photo(page, TILTED)
    assert off(form, locate(picture, form, "photo"), truth) < 2


def test_a_rotated_page_is_found(form: Template, page: Page) -> None:
    turn = cv2.getRotationMatrix2D((800, 588), 17, 0.85)
    corners = cv2.transform(np.array([FLAT], np.float64), turn)[0]
    picture, truth = photo(page, tuple(map(tuple, corners.tolist())))
    assert off(form, locate(picture, form, "photo"), truth) < 2


def test_a_page_half_in_shadow_with_noise_is_found(form: Template, page: Page, rng: np.random.Generator) -> None:
    picture, truth = photo(page, TILTED)
    shape = picture.shape[0], picture.shape[1]
    light = np.where(np.arange(SIZE[0]) < 700, 0.35, 0.95) + 0.04 * clouds(shape, 5, rng)
    dim = (picture * light + 8 * grains(shape, 0.6, rng)).clip(0, 255).astype(np.uint8)
    assert off(form, locate(dim, form, "photo"), truth) < 2


def test_a_scan_to_the_edges_is_found(form: Template, page: Page) -> None:
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    truth = np.array([[SCALE, 0, -0.5], [0, SCALE, -0.5], [0, 0, 1]])
    assert off(form, locate(np.asarray(grey, np.uint8), form, "scan"), truth) < 4


def test_on_white_ground_the_marks_are_enough(form: Template, page: Page) -> None:
    picture, truth = photo(page, TILTED)
    inside = np.zeros_like(picture)
    cv2.fillConvexPoly(inside, np.array(TILTED, np.int32), 255)
    picture[inside == 0] = 255
    assert off(form, locate(picture, form, "photo"), truth) < 2


@pytest.mark.parametrize("turns", [0, 2])
def test_without_marks_the_edges_and_the_boxes_are_enough(form: Template, page: Page, turns: int) -> None:
    bare = page.copy()
    for rows in (slice(0, 180), slice(-180, None)):
        bare[rows, :180] = bare[rows, -180:] = 255
    picture, truth = photo(bare, TILTED, turns)
    assert off(form, locate(picture, replace(form, marks=None), "photo"), truth) < 3


def test_where_nothing_is_printed_the_edges_are_enough(form: Template, page: Page) -> None:
    plain = Template(form.page, None, tuple(replace(field, boxes=0) for field in form.fields))
    picture, truth = photo(page, TILTED)
    assert off(form, locate(picture, plain, "photo"), truth) < 4


def test_where_nothing_is_printed_a_page_on_its_side_is_refused(form: Template, page: Page) -> None:
    plain = Template(form.page, None, tuple(replace(field, boxes=0) for field in form.fields))
    picture, _ = photo(page, ((500, 60), (1150, 60), (1150, 980), (500, 980)), 1)
    with refused("form-not-upright", "photo"):
        locate(picture, plain, "photo")


def test_a_page_of_which_a_third_is_missing_is_refused(form: Template, page: Page) -> None:
    picture, _ = photo(page, TILTED)
    for part in (picture[:, :1000], picture[500:], picture[:700, 500:]):
        with pytest.raises(InkdigitError, match="photo") as caught:
            locate(np.ascontiguousarray(part), form, "photo")
        assert caught.value.code in {"form-not-found", "form-cut-off"}


def test_one_mark_hidden_by_a_thumb_does_no_harm(form: Template, page: Page) -> None:
    picture, truth = photo(page, TILTED)
    x, y = placed(truth, np.array([(form.page[0] - 11.0, form.page[1] - 11.0)]))[0].astype(int)
    cv2.circle(picture, (int(x), int(y)), 90, 120, cv2.FILLED)
    assert off(form, locate(picture, form, "photo"), truth) < 3


@pytest.mark.parametrize("kind", ["white", "black", "noise", "other"])
def test_another_picture_is_refused(form: Template, page: Page, rng: np.random.Generator, kind: str) -> None:
    pictures = {
        "white": np.full((900, 1300), 255, np.uint8),
        "black": np.zeros((900, 1300), np.uint8),
        "noise": rng.integers(0, 256, (900, 1300), np.uint8),
        "other": photo(page, TILTED)[0],
    }
    if kind == "other":  # this form's picture, another form's template
        fields = (Field("a", (30, 30, 60, 12), boxes=6), Field("b", (30, 80, 150, 10), boxes=9))
        form = Template((210, 148), None, fields)
    with refused("form-not-found", "photo"):
        locate(pictures[kind], form, "photo")
