"""A digit of any size and place comes out as MNIST would have it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inkdigit.data import mnist
from inkdigit.errors import InkdigitError
from inkdigit.imaging.normalize import normalize


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return mnist.load()[1].images[:200]


def extent(image: np.ndarray) -> tuple[int, int]:
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def test_mnists_digits_drawn_large_anywhere_come_back(digits: np.ndarray, ink: np.random.Generator):
    differences: list[float] = []
    for digit in digits:
        large = Image.fromarray(digit).resize((28 * 7, 28 * 7), Image.Resampling.BICUBIC)
        page = Image.new("L", (400, 300))
        page.paste(large, (int(ink.integers(200)), int(ink.integers(100))))
        differences.append(np.abs(normalize(np.asarray(page), "x").astype(float) - digit).sum() / digit.sum())
    assert np.median(differences) < 0.25
    assert np.percentile(differences, 95) < 0.6


def test_the_ink_fits_twenty_by_twenty_with_its_mass_in_the_middle(digits: np.ndarray):
    places = np.arange(28)
    for digit in digits:
        image = normalize(np.kron(digit, np.ones((3, 2), np.uint8)), "x").astype(float)
        assert max(extent(image)) <= 20
        for axis in (0, 1):
            assert abs(image.sum(axis=1 - axis) @ places / image.sum() - 14) < 1.01


def test_the_proportions_stay():
    page = np.zeros((100, 300), np.uint8)
    page[10:90, 140:160] = 255
    assert extent(normalize(page, "x")) == (20, 5)
    assert extent(normalize(page.T.copy(), "x")) == (5, 20)


def test_grey_ink_on_noisy_paper_becomes_bright_on_black(ink: np.random.Generator):
    page = ink.normal(60, 4, (120, 90))
    page[20:100, 40:50] += 70
    image = normalize(page.clip(0, 255).astype(np.uint8), "x")
    assert image.max() == 255
    assert image[:, 14].max() > 200
    assert image[:, :4].max() == 0


@pytest.mark.parametrize("page", [np.zeros((40, 30)), np.full((40, 30), 255), np.tile([90, 100], (40, 15))])
def test_a_page_without_ink_is_told(page: np.ndarray):
    with pytest.raises(InkdigitError, match=r"^5/x.png shows no ink"):
        normalize(page.astype(np.uint8), "5/x.png")


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_the_smallest_pictures_are_no_trouble(shape: tuple[int, int]):
    page = np.zeros(shape, np.uint8)
    page.flat[: max(1, page.size // 2)] = 255
    if page.size == 1:
        with pytest.raises(InkdigitError, match="shows no ink"):
            normalize(page, "x")
    else:
        assert normalize(page, "x").max() == 255
