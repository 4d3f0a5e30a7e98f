"""A digit of any size and place comes out as MNIST would have it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from inkdigit.data import mnist
from inkdigit.imaging.binarize import binarize
from inkdigit.imaging.normalize import cut_out, has_mnist_form, normalize, stroke_width


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return mnist.load()[1].images[:200]


def prepared(grey: np.ndarray) -> np.ndarray:
    found = binarize(Image.fromarray(grey), "bright")
    assert found.thresholds
    digit = cut_out(found.bright, found.thresholds)
    assert digit is not None
    return normalize(digit)


def extent(image: np.ndarray) -> tuple[int, int]:
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def page(digit: np.ndarray, scale: int = 7, size: tuple[int, int] = (400, 300)) -> np.ndarray:
    """An MNIST digit drawn large in the middle of a dark page."""
    large = Image.fromarray(digit).resize((28 * scale, 28 * scale), Image.Resampling.BICUBIC)
    paper = Image.new("L", size)
    paper.paste(large, ((size[0] - large.width) // 2, (size[1] - large.height) // 2))
    return np.array(paper)


def test_mnists_digits_drawn_large_come_back(digits: np.ndarray):
    differences = [np.abs(prepared(page(digit)).astype(float) - digit).sum() / digit.sum() for digit in digits]
    assert np.median(differences) < 0.25
    assert np.percentile(differences, 95) < 0.6


def test_the_ink_fits_twenty_by_twenty_with_its_mass_in_the_middle(digits: np.ndarray):
    places = np.arange(28)
    for digit in digits:
        image = prepared(np.kron(digit, np.ones((3, 2), np.uint8))).astype(float)
        assert max(extent(image)) <= 20
        for axis in (0, 1):
            assert abs(image.sum(axis=1 - axis) @ places / image.sum() - 14) < 1.01


def test_the_proportions_stay():
    bar = np.zeros((100, 300), np.uint8)
    bar[10:90, 140:152] = 255
    assert extent(prepared(bar)) == (20, 3)
    assert extent(prepared(bar.T.copy())) == (3, 20)


def test_grey_ink_on_noisy_paper_becomes_bright_on_black(rng: np.random.Generator):
    paper = rng.normal(60, 4, (120, 90))
    paper[20:100, 40:50] += 70
    image = prepared(paper.clip(0, 255).astype(np.uint8))
    assert image.max() == 255
    assert image[:, 14].max() > 200
    assert image[:, :4].max() == 0


def test_dust_is_left_out(digits: np.ndarray):
    for digit in digits[:50]:
        clean = page(digit)
        dusty = clean.copy()
        for row, column in [(12, 20), (280, 30), (40, 370), (285, 390)]:
            dusty[row : row + 5, column : column + 5] = 255
        assert np.abs(prepared(dusty).astype(int) - prepared(clean)).sum() < 0.1 * digit.sum()


def test_a_large_stroke_apart_belongs_to_the_digit():
    five = np.zeros((300, 300), np.uint8)
    five[80:220, 100:120] = five[140:160, 100:200] = five[140:220, 180:200] = five[200:220, 100:200] = 255
    five[80:100, 140:200] = 255  # the flag, 20 pixels from the rest
    image = prepared(five)
    assert image[:6].any() or extent(image)[0] == 20
    assert image[5, 16:20].max() > 100


def test_a_picture_of_dust_has_no_digit():
    dots = np.zeros((400, 400), np.uint8)
    for place in range(40, 400, 80):
        dots[place : place + 4, place : place + 4] = 255
    found = binarize(Image.fromarray(dots), "bright")
    assert found.thresholds
    assert cut_out(found.bright, found.thresholds) is None


def test_broad_strokes_become_thinner(digits: np.ndarray):
    gains: list[float] = []
    for digit in digits[:30]:
        bold = np.asarray(cv2.dilate(page(digit, 10), np.ones((25, 25), np.uint8)), np.uint8)
        width = stroke_width(bold) * 20 / max(extent(bold > 64))
        if width > 3.5:
            gains.append(width / stroke_width(prepared(bold)))
    assert len(gains) > 20
    assert min(gains) > 1.1


def test_strokes_as_in_mnist_stay(digits: np.ndarray):
    for digit in digits[:30]:
        if stroke_width(digit) < 3:
            assert abs(stroke_width(prepared(page(digit))) - stroke_width(digit)) < 0.6


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (2, 2), (1, 2)])
def test_the_smallest_pictures_are_prepared(shape: tuple[int, int]):
    grey = np.zeros(shape, np.uint8)
    grey.flat[: max(1, grey.size // 2)] = 255
    assert prepared(grey).max() == 255


def test_images_in_mnists_form_are_recognised(digits: np.ndarray):
    for digit in digits:
        assert has_mnist_form(digit)
        assert not has_mnist_form(~digit)
        assert not has_mnist_form(np.roll(digit, 2, axis=0))
        assert not has_mnist_form(page(digit, 1, (30, 28)))
        assert not has_mnist_form(np.asarray(Image.fromarray(digit).resize((24, 24)).resize((28, 28))) | np.uint8(3))
    assert not has_mnist_form(np.zeros((28, 28), np.uint8))
