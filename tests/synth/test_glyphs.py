"""Pieces of ink: smooth at every size, as thick as the pen, the same for the same seed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.synth import glyphs
from inkdigit.synth.glyphs import Hand
from inkdigit.synth.skeleton import thin

STEADY = Hand(bend=0.005)


@pytest.fixture(scope="module")
def images(real_digits: Dataset) -> NDArray[np.uint8]:
    """Three of each digit, in order."""
    truth = real_digits.required_labels
    return np.concatenate([real_digits.images[np.flatnonzero(truth == digit)[:3]] for digit in range(10)])


def components(ink: NDArray[np.uint8]) -> int:
    return cv2.connectedComponents((ink > 96).astype(np.uint8))[0] - 1


@pytest.mark.parametrize("height", [12, 40, 300])
def test_a_digit_is_as_high_as_asked_and_cropped_to_its_ink(images: NDArray[np.uint8], height: int):
    for seed, image in enumerate(images):
        ink = glyphs.digit(image, height, STEADY, np.random.default_rng(seed))
        assert abs(ink.shape[0] - height) <= 2 + 0.15 * height
        assert ink[0].any()
        assert ink[-1].any()
        assert ink[:, 0].any()
        assert ink[:, -1].any()
        assert components(ink) <= components(image) + 1


def test_the_same_seed_draws_the_same(images: NDArray[np.uint8]):
    def everything(seed: int) -> list[NDArray[np.uint8]]:
        rng = np.random.default_rng(seed)
        hand = glyphs.random_hand(rng)
        digits = [glyphs.digit(image, 40, hand, rng, broken=True, crossed=True) for image in images[:3]]
        others = [glyphs.letter("k", 40, hand, rng).ink, glyphs.sign(",", 40, hand, rng).ink]
        return [*digits, *others, glyphs.scribble(40, hand, rng), glyphs.smudge(40, rng)]

    first, again, other = everything(3), everything(3), everything(4)
    assert all(map(np.array_equal, first, again))
    assert not any(map(np.array_equal, first, other))


@pytest.mark.parametrize("width", [0.03, 0.1, 0.18])
def test_strokes_are_as_wide_as_the_pen(images: NDArray[np.uint8], width: int):
    for image in images[3:6]:  # ones: no loop limits the pen
        ink = glyphs.digit(image, 300, Hand(width=width, natural_width=0, bend=0), np.random.default_rng(0))
        mask = np.pad((ink > 127).astype(np.uint8), 1)
        far = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
        assert 2 * np.median(far[thin(mask) > 0]) == pytest.approx(300 * width, rel=0.25)


def test_edges_are_sharp_at_any_size(images: NDArray[np.uint8]):
    ink = glyphs.digit(images[0], 500, STEADY, np.random.default_rng(0))
    edge = (ink > 0) & (ink < 255)
    outline = cv2.findContours((ink > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    assert edge.sum() < 2.5 * sum(map(len, outline))


def test_a_thick_pen_leaves_loops_open(images: NDArray[np.uint8]):
    for image in images[:3]:
        ink = glyphs.digit(image, 200, Hand(width=0.3), np.random.default_rng(0))
        paper = np.pad((ink < 96).astype(np.uint8), 1, constant_values=1)
        assert cv2.connectedComponents(paper, connectivity=4)[0] == 3


def test_a_broken_stroke_is_in_more_parts(images: NDArray[np.uint8]):
    whole = [glyphs.digit(image, 120, STEADY, np.random.default_rng(0)) for image in images]
    broken = [glyphs.digit(image, 120, STEADY, np.random.default_rng(0), broken=True) for image in images]
    cut = sum(not np.array_equal(*pair) for pair in zip(whole, broken, strict=True))
    assert cut > 20  # some have no place for a gap away from their ends
    assert sum(map(components, broken)) > sum(map(components, whole)) + 10  # a loop with one gap stays in one part


def test_a_crossed_seven_has_a_bar(images: NDArray[np.uint8]):
    for image in images[21:23]:  # the third is crossed already
        plain = glyphs.digit(image, 100, STEADY, np.random.default_rng(0))
        crossed = glyphs.digit(image, 100, STEADY, np.random.default_rng(0), crossed=True)
        middle = slice(40, 70)
        assert (crossed[middle] > 127).sum(1).max() > 1.5 * np.median((plain[middle] > 127).sum(1))


def test_zeros_have_a_loop_and_ones_have_none(real_digits: Dataset):
    share = [
        np.mean([*map(glyphs.has_loop, real_digits.images[real_digits.required_labels == digit][:100])])
        for digit in (0, 1)
    ]
    assert share[0] > 0.8
    assert share[1] < 0.1


def test_letters_and_signs_stand_where_they_belong():
    rng = np.random.default_rng(0)
    bottom = {}
    for character in "Axgp":
        ink, top = glyphs.letter(character, 100, STEADY, rng)
        bottom[character] = top + ink.shape[0]
    assert bottom["A"] == pytest.approx(105, abs=15)
    assert bottom["g"] > 110
    comma = glyphs.sign(",", 100, STEADY, rng)
    dash = glyphs.sign("-", 100, STEADY, rng)
    assert comma.top > 75
    assert 30 < dash.top < 75
    assert dash.ink.shape[1] > 2 * dash.ink.shape[0]


def test_every_letter_and_sign_can_be_drawn_small():
    rng = np.random.default_rng(0)
    for character in glyphs.LETTERS:
        assert glyphs.letter(character, 12, STEADY, rng).ink.max() > 127
    for character in glyphs.SIGNS:
        assert glyphs.sign(character, 12, STEADY, rng).ink.max() > 90
