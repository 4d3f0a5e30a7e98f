"""A comparison in words, from figures made by hand."""

from __future__ import annotations

import pytest

from inkdigit.comparison.images import join_names
from inkdigit.comparison.settings import SettingDifference
from inkdigit.comparison.text import comparison_table, format_p_value, verdict
from tests.comparison.comparisons import compared


def test_the_more_accurate_run_is_named_first() -> None:
    text = verdict(compared(range(40), range(2)).tests[0])
    assert text.startswith("b is 3.80 percentage points")
    assert "Only b is right on 38 images, only a on 0" in text
    assert "p < 0.0001" in text
    assert "95 % interval +" in text


def test_a_small_difference_may_be_chance() -> None:
    assert "perhaps chance, p = 0.5" in verdict(compared(range(1), range(3)).tests[0])


def test_equal_accuracy_on_different_images() -> None:
    test = compared(range(5), range(5, 10)).tests[0]
    assert (test.difference, test.p, test.neither) == (0, 1, 0)
    assert verdict(test).startswith("a is as accurate as b")


def test_equal_predictions_are_no_difference() -> None:
    test = compared(range(5), range(5)).tests[0]
    assert (len(test.only_first), len(test.only_second), test.neither, test.p) == (0, 0, 5, 1)
    assert test.low < 0 < test.high
    assert verdict(test) == "a and b are right on the same images."


def test_several_runs_are_compared_with_the_first_and_p_is_adjusted() -> None:
    alone, several = compared(range(10), range(2)), compared(range(10), range(2), range(9))
    assert [(test.first.name, test.second.name) for test in several.tests] == [("a", "b"), ("a", "c")]
    assert several.tests[0].p == pytest.approx(2 * alone.tests[0].p)
    assert "Holm" in comparison_table(several)
    assert "Holm" not in comparison_table(alone)


def test_the_table_names_runs_notes_and_settings() -> None:
    difference = SettingDifference("epochs", ["20", "3"], "passes")
    table = comparison_table(compared(range(10), range(2), settings=[difference]))
    assert table.splitlines()[:2] == ["Compared on 1,000 images.", "A note."]
    assert [line.split() for line in table.splitlines()[-2:]] == [["setting", "a", "b"], ["epochs", "20", "3"]]
    assert "99.00" in table
    assert "7,840" in table


def test_json_has_the_figures_of_every_pair() -> None:
    content = compared(range(10), range(2)).to_json()
    (pair,) = content["duels"]
    assert (pair["only_first"], pair["only_second"], pair["neither"]) == (0, 8, 2)
    assert pair["difference"] == pytest.approx(-0.008)
    assert [run["evaluation"]["correct"] for run in content["runs"]] == [990, 998]


@pytest.mark.parametrize(("p", "text"), [(0.0312, "p = 0.031"), (1.0, "p = 1"), (9e-5, "p < 0.0001")])
def test_format_p_value(p: float, text: str) -> None:
    assert format_p_value(p) == text


@pytest.mark.parametrize(("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_join_names(names: list[str], text: str) -> None:
    assert join_names(names) == text
