"""Synthesised pages: the same for the same seed, with right labels and the hardships that were asked for."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.synth import camera, glyphs
from inkdigit.synth.hardships import EXCLUSIVE, HARDSHIPS, choose_hardships
from inkdigit.synth.layout import ORIENTATION_DIGITS
from inkdigit.synth.page import Page, synthesize_line, synthesize_page
from tests.errors import refused

Grey = NDArray[np.float32]


def line(digits: Dataset, seed: int, *names: str) -> Page:
    return synthesize_line(digits.images, digits.required_labels, names, np.random.default_rng(seed))


def page(digits: Dataset, seed: int, *names: str) -> Page:
    return synthesize_page(digits.images, digits.required_labels, names, np.random.default_rng(seed))


def grey(page: Page) -> Grey:
    return page.picture.mean(2, dtype=np.float32)


def in_boxes(page: Page, room: int = 1) -> NDArray[np.bool_]:
    """The pixels of digits' boxes, each box larger by `room` pixels."""
    mask = np.zeros(page.picture.shape[:2], bool)
    for digits in page.lines:
        for x, y, width, height in (digit.box for digit in digits):
            mask[max(y - room, 0) : y + height + room, max(x - room, 0) : x + width + room] = True
    return mask


def marked(page: Page, contrast: float = 60) -> NDArray[np.bool_]:
    """The pixels that are darker or brighter than the paper by more than `contrast` levels."""
    return np.abs(grey(page) - np.median(grey(page))) > contrast


# ---- what each hardship changes, as a number that it makes larger


def light_spread(page: Page) -> float:
    """How much darker the darkest part of the paper is, in levels."""
    rows = np.array_split(grey(page), 3)
    paper = [np.percentile(part, 80) for row in rows for part in np.array_split(row, 6, axis=1)]
    return float(np.ptp(paper)) + 1


def grain(page: Page) -> float:
    """The spread of the paper's pixels about those around them."""
    picture = grey(page)
    return float(np.median(np.abs(picture - cv2.blur(picture, (5, 5)))))


def softness(page: Page) -> float:
    """How many pixels wide the steepest edges are."""
    picture = grey(page)
    contrast = np.percentile(picture, 99) - np.percentile(picture, 1)
    return float(contrast / np.percentile(np.abs(np.diff(picture, axis=1)), 99.9))


def blocks(page: Page) -> float:
    """How many times as much neighbours differ across JPEG's blocks as within them."""
    step = np.abs(np.diff(grey(page), axis=1)).mean(0)
    return float(np.median(step[7::8]) / np.median(np.delete(step, np.s_[7::8])))


def ink(page: Page) -> NDArray[np.float64]:
    """The mean red, green and blue of the strongest ink."""
    far = np.abs(grey(page) - np.median(grey(page)))
    return page.picture[far > 0.8 * far.max()].mean(0)


def colour_of_paper(page: Page) -> float:
    middle = np.median(page.picture.reshape(-1, 3), 0)
    return float(np.ptp(middle) + 255 - middle.max())


def print_outside(page: Page) -> float:
    """The share of the paper around the digits that is not plain."""
    return float(marked(page, 12)[~in_boxes(page)].mean())


def ink_outside(page: Page) -> float:
    """The ink that is in no box, as a share of the ink that is."""
    inside = in_boxes(page, 2)
    strong = marked(page)
    return float(strong[~inside].sum() / strong[inside].sum())


def slope(page: Page) -> float:
    """How far the line rises or falls over its length, in degrees."""
    boxes = np.array([digit.box for digits in page.lines for digit in digits])
    if len(boxes) < 3:
        return 0.0
    run, rise = np.polynomial.polynomial.polyfit(boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3], 1)
    return abs(float(np.degrees(np.arctan(rise)))) if np.isfinite(run) else 0.0


def stroke(page: Page) -> float:
    """The width of strokes as a share of the digits' height."""
    height = np.median([digit.box[3] for digits in page.lines for digit in digits])
    strong = marked(page).astype(np.uint8)
    return float(4 * cv2.distanceTransform(strong, cv2.DIST_L2, 5)[strong > 0].mean() / height)


def parts(page: Page) -> float:
    """Pieces of ink for each digit."""
    count = sum(map(len, page.lines))
    return (cv2.connectedComponents((marked(page) & in_boxes(page)).astype(np.uint8))[0] - 1) / count


CHANGES: dict[str, tuple[Callable[[Page], float], float]] = {  # each measure, and how many times as large it is
    "uneven-light": (light_spread, 3),
    "hard-shadow": (light_spread, 3),
    "soft-shadow": (light_spread, 3),
    "camera-noise": (grain, 3),
    "blur": (softness, 1.5),
    "jpeg-artefacts": (blocks, 1.15),
    "blue-ink": (lambda page: float(ink(page)[2] - ink(page)[0]) + 10, 4),
    "red-ink": (lambda page: float(ink(page)[0] - ink(page)[2]) + 10, 4),
    "pencil": (lambda page: float(ink(page).mean()), 1.5),
    "coloured-paper": (colour_of_paper, 1.5),
    "white-on-black": (lambda page: float(ink(page).mean()), 3),
    "ruled-paper": (print_outside, 2),
    "squared-paper": (print_outside, 2),
    "dotted-paper": (print_outside, 1.2),
    "printed-boxes": (print_outside, 2),
    "patterned-paper": (print_outside, 3),
    "skewed-lines": (slope, 2),
    "thick-marker": (stroke, 1.4),
    "thin-pen": (lambda page: 1 / stroke(page), 1.2),
    "broken-strokes": (parts, 1.2),
    "touching-digits": (lambda page: 1 / parts(page), 1.2),
    "signs": (ink_outside, 3),
}


@pytest.fixture(scope="module")
def plain_lines(real_digits: Dataset) -> list[Page]:
    return [line(real_digits, seed) for seed in range(8)]


@pytest.mark.parametrize("name", CHANGES)
def test_a_hardship_changes_what_it_says(real_digits: Dataset, plain_lines: list[Page], name: str):
    measure, factor = CHANGES[name]
    without = np.mean([*map(measure, plain_lines)])
    with_it = np.mean([measure(line(real_digits, seed, name)) for seed in range(8)])
    assert with_it > factor * without, (with_it, without)


def other_ink(page: Page) -> float:
    """The share of the paper outside the digits' boxes that is marked."""
    soft = cv2.GaussianBlur(grey(page), (0, 0), 1.5)  # the paper's own grain does not count
    return float((np.abs(soft - np.median(soft)) > 7)[~in_boxes(page, 6)].mean())


@pytest.fixture(scope="module")
def plain_other_ink(real_digits: Dataset) -> float:
    return float(np.mean([other_ink(page(real_digits, seed)) for seed in range(3)]))


@pytest.mark.parametrize("name", ["letters", "smudges", "show-through"])
def test_what_is_not_a_digit_has_no_label(real_digits: Dataset, plain_other_ink: float, name: str):
    marked_pages = [other_ink(page(real_digits, seed, name)) for seed in range(3)]
    assert np.mean(marked_pages) > 3 * plain_other_ink + 0.001


def test_a_page_on_its_side_has_its_boxes_there(real_digits: Dataset):
    for seed in range(6):
        strip = line(real_digits, seed, "sideways")
        x, y = np.array([digit.box[:2] for digit in strip.lines[0]]).T
        assert len(strip.text) >= 6
        assert sum(int(digit) in ORIENTATION_DIGITS for digit in strip.text) >= 2
        assert np.ptp(y) > 2 * np.ptp(x) or seed == 0


def test_perspective_is_a_perspective():
    rng = np.random.default_rng(0)
    plain, tilted = (camera.view((800, 600), frozenset(names), rng) for names in ((), ("perspective",)))
    assert np.array_equal(plain[2], (0, 0, 1))
    assert 0.05 < np.abs(tilted[2, :2]).max() * 400 < 0.15


def test_sizes_are_mixed(real_digits: Dataset):
    for seed in range(2):
        mixed = page(real_digits, seed, "mixed-sizes")
        heights = [max(digit.box[3] for digit in digits) for digits in mixed.lines]
        assert max(heights) > 8 * min(heights)


def test_sevens_are_crossed_and_fours_are_open(real_digits: Dataset):
    for seed in range(5):
        strip = line(real_digits, seed, "crossed-sevens", "open-fours")
        if len(strip.text) > 3:
            assert set(strip.text) & {"4", "7"}
        for digit in strip.lines[0]:
            assert digit.digit != 4 or not glyphs.has_loop(real_digits.images[digit.source])


def test_digits_are_near_the_border(real_digits: Dataset):
    for seed in range(5):
        near = page(real_digits, seed, "near-border")
        height, width = near.picture.shape[:2]
        boxes = np.array([digit.box for digits in near.lines for digit in digits])
        left, top = boxes[:, :2].min(0)
        right, bottom = (width, height) - (boxes[:, :2] + boxes[:, 2:]).max(0)
        assert 0 <= min(left, top, right, bottom) <= 6


def test_a_blank_page_has_nothing_on_it(real_digits: Dataset):
    blank = page(real_digits, 0, "blank-page")
    assert (blank.lines, blank.text) == ((), "")
    assert not marked(blank, 20).any()


# ---- labels


@pytest.mark.parametrize("names", [(), ("skewed-lines", "perspective"), ("sideways", "thick-marker"), ("mixed-sizes",)])
def test_boxes_hold_the_ink_and_nothing_else(real_digits: Dataset, names: tuple[str, ...]):
    for seed in range(2):
        written = page(real_digits, seed, *names)
        strong, weak = marked(written, 90), marked(written, 40)
        assert not (strong & ~in_boxes(written)).any()
        for digits in written.lines:
            for x, y, width, height in (digit.box for digit in digits):
                rows, columns = np.nonzero(weak[y : y + height, x : x + width])
                assert rows.min() <= 2
                assert columns.min() <= 2
                assert height - rows.max() <= 3
                assert width - columns.max() <= 3


def test_labels_are_the_pools(real_digits: Dataset):
    written = page(real_digits, 3, "all")
    for digits in written.lines:
        for digit in digits:
            assert digit.digit == real_digits.required_labels[digit.source]
    assert written.text.count("\n") == len(written.lines) - 1
    assert len(written.text.replace("\n", "")) == sum(map(len, written.lines))


def test_the_same_seed_gives_the_same_page(real_digits: Dataset):
    first, again, other = (page(real_digits, seed, "all") for seed in (5, 5, 6))
    assert np.array_equal(first.picture, again.picture)
    assert (first.lines, first.hardships) == (again.lines, again.hardships)
    assert first.text != other.text


def test_any_mixture_of_hardships_makes_a_page(real_digits: Dataset):
    for seed in range(12):
        make = page if seed % 4 == 0 else line
        made = make(real_digits, seed, "all")
        assert made.picture.dtype == np.uint8
        for digits in made.lines:
            for x, y, width, height in (digit.box for digit in digits):
                assert min(x, y) >= 0
                assert x + width <= made.picture.shape[1]
                assert y + height <= made.picture.shape[0]


def test_hardships_that_exclude_each_other_never_meet():
    rng = np.random.default_rng(0)
    for _ in range(20):
        has = choose_hardships(HARDSHIPS, rng)
        assert all(len(has.intersection(group)) <= 1 for group in EXCLUSIVE)
    assert len(choose_hardships(["all"], rng)) < len(HARDSHIPS)


def test_an_unknown_hardship_is_refused(real_digits: Dataset):
    with refused("hardship-unknown", "rain"):
        line(real_digits, 0, "rain")
