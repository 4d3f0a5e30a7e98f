from __future__ import annotations

from inkdigit.utils.text_table import align_columns


def test_columns_line_up_left_and_right():
    rows = [("name", "seed", "time"), ("a", "10", "1 s"), ("longer", "7", "12 s")]
    assert align_columns(rows, right=(1, 2)) == ["name    seed  time", "a         10   1 s", "longer     7  12 s"]


def test_wide_characters_take_two_places():
    assert align_columns([("数字", "1"), ("abcd", "2")]) == ["数字  1", "abcd  2"]


def test_a_name_gives_way_in_its_middle_and_nothing_else_does():
    rows = [("a-very-long-experiment-seed0", "99.59"), ("short", "99.60")]
    assert align_columns(rows, width=20) == ["a-very…-seed0  99.59", "short          99.60"]


def test_a_name_keeps_eight_places_however_narrow_the_terminal():
    assert align_columns([("abcdefghijkl", "x" * 30)], width=20) == ["abc…ijkl  " + "x" * 30]
