"""Where ink goes: marks on a canvas, digits beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.synth import layout
from inkdigit.synth.glyphs import Hand
from inkdigit.synth.layout import Mark, Pool


@pytest.mark.parametrize("x", [-30, -2, 0, 5, 8, 40])
@pytest.mark.parametrize("y", [-30, -2, 0, 5, 8, 40])
def test_what_lies_outside_a_canvas_is_cut_off(x: int, y: int):
    canvas, whole = np.zeros((8, 10), np.uint8), np.zeros((108, 110), np.uint8)
    ink = np.arange(1, 16, dtype=np.uint8).reshape(3, 5)
    layout.paint([Mark(ink, x, y)], canvas)
    whole[50 + y : 53 + y, 50 + x : 55 + x] = ink
    assert np.array_equal(canvas, whole[50:58, 50:60])


def test_the_stronger_ink_stays():
    canvas = np.full((2, 2), 9, np.uint8)
    layout.paint([Mark(np.array([[4, 20]], np.uint8), 0, 0)], canvas)
    assert canvas.tolist() == [[9, 20], [9, 9]]


def test_a_hull_holds_its_ink():
    ink = np.zeros((5, 7), np.uint8)
    ink[1:4, 2:6] = 255
    hull = Mark(ink, 10, -20).hull
    assert hull.min(0).tolist() == [12, -19]
    assert hull.max(0).tolist() == [15, -17]


def test_a_faint_speck_has_a_hull_too():
    assert Mark(np.array([[0, 40]], np.uint8), 3, 4).hull.tolist() == [[4, 4]]


def test_a_line_reads_from_left_to_right_on_its_line(real_digits: Dataset):
    pool = Pool(real_digits.images, real_digits.required_labels)
    written = layout.write(pool, [*range(9)], 40, Hand(), frozenset(), np.random.default_rng(0))
    centres = [mark.x + mark.ink.shape[1] / 2 for mark in written.marks]
    assert centres == sorted(centres)
    assert [mark.source for mark in written.marks] == [*range(9)]
    assert np.std([mark.y + mark.ink.shape[0] for mark in written.marks]) < 4
    moved = written.moved(5, 7)
    assert (moved.marks[0].x, moved.marks[0].y) == (written.marks[0].x + 5, written.marks[0].y + 7)


def test_a_pool_gives_what_a_hardship_needs(real_digits: Dataset):
    pool = Pool(real_digits.images, real_digits.required_labels)
    for seed in range(20):
        rows = pool.draw(8, frozenset({"crossed-sevens"}), np.random.default_rng(seed))
        assert len(rows) == 8
        assert 7 in real_digits.required_labels[rows]
    nothing = Pool(real_digits.images[:1], np.array([5]))  # no seven to be had
    assert nothing.draw(3, frozenset({"crossed-sevens"}), np.random.default_rng(0)) == [0, 0, 0]
