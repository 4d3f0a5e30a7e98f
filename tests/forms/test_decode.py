"""Rules choose among the likely readings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from inkdigit.forms.check_digits import CHECKS
from inkdigit.forms.decode import RULE_BREAK_RATE, choose
from inkdigit.forms.template import DIGITS, Rule


def digit(**shares: float) -> list[float]:
    """Ten probabilities: d7=0.6, d1=0.39; the others share the rest."""
    given = {int(name[1:]): share for name, share in shares.items()}
    rest = (1 - sum(given.values())) / (10 - len(given))
    return [given.get(number, rest) for number in range(10)]


def sure(text: str) -> list[list[float]]:
    return [digit(**{f"d{character}": 0.9995}) for character in text]


def places(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(DIGITS if one == "#" else frozenset(one) for one in sets)


LUHN = Rule(places(*"####"), CHECKS["luhn"])


def test_without_a_rule_the_confidence_is_that_of_all_digits() -> None:
    choice = choose([digit(d7=0.9), digit(d1=0.8)], Rule())
    assert choice.text == "71"
    assert choice.confidence == pytest.approx(0.72)
    assert choice.others[0][1] == pytest.approx(0.9 * 0.2 / 9)


def test_a_pattern_chooses_among_likely_digits() -> None:
    digits = [digit(d7=0.6, d1=0.39), *sure("964")]
    assert choose(digits, Rule()).text == "7964"
    choice = choose(digits, Rule(places("12", "9", "#", "#")))
    assert choice.text == "1964"
    assert choice.confidence > 0.98
    assert choice.problem is None


def test_a_check_digit_chooses_among_likely_digits() -> None:
    # 4812 fits Luhn's check, 4872 does not.
    assert CHECKS["luhn"].fits("4812")
    digits = [*sure("48"), digit(d7=0.6, d1=0.39), *sure("2")]
    choice = choose(digits, LUHN)
    assert choice.text == "4812"
    assert choice.confidence > 0.98
    assert "4872" in dict(choice.others)


def test_a_plainly_written_number_does_not_become_another() -> None:
    assert not CHECKS["luhn"].fits("4872")
    choice = choose([digit(**{f"d{one}": 0.99999}) for one in "4872"], LUHN)
    assert choice.text == "4872"
    assert choice.confidence == 0
    assert choice.problem


def test_two_probable_numbers_that_both_fit_are_doubtful() -> None:
    # Exchanging 1 and 4 in the first place and 2 and 6 in the last keep Luhn's sum alike.
    one, other = "4812", "4838"
    assert all(CHECKS["luhn"].fits(number) for number in (one, other))
    digits = [*sure("48"), digit(d1=0.5, d3=0.49), digit(d2=0.5, d8=0.49)]
    choice = choose(digits, LUHN)
    assert choice.text == one
    assert 0.4 < choice.confidence < 0.6
    assert choice.others[0][0] == other


@pytest.mark.parametrize("read", ["123", "1"])
def test_too_few_digits_break_the_rule(read: str) -> None:
    choice = choose(sure(read), Rule(places(*"####")))
    assert (choice.text, choice.confidence) == (read, 0)
    assert choice.problem
    assert str(len(read)) in choice.problem


def test_of_too_many_digits_the_unsure_one_is_left_out() -> None:
    smudge = [0.1] * 10
    for place in range(5):
        digits = sure("1234")
        digits.insert(place, smudge)
        choice = choose(digits, Rule(places(*"####")))
        assert choice.text == "1234"
        assert choice.confidence > 0.9


def test_of_too_many_sure_digits_any_may_be_wrong() -> None:
    choice = choose(sure("12345"), Rule(places(*"####")))
    assert choice.confidence < 0.5


def test_a_check_digit_shows_which_digit_is_one_too_many() -> None:
    number = "9780306406157"
    digits = sure(number[:5] + "4" + number[5:])
    choice = choose(digits, Rule((DIGITS,) * 13, CHECKS["ean"]))
    assert number in {choice.text, *dict(choice.others)}


@pytest.mark.parametrize("name", CHECKS)
def test_the_confidence_is_the_same_as_from_trying_all_numbers(name: str, rng: np.random.Generator) -> None:
    digits = rng.dirichlet([0.3] * 10, 4).tolist()
    rule = Rule(places("0123", "#", "#", "13579"), CHECKS[name])
    weights: dict[str, float] = {}
    for chosen in itertools.product(range(10), repeat=4):
        text = "".join(map(str, chosen))
        chance = float(np.prod([row[one] for row, one in zip(digits, chosen, strict=True)]))
        keeps = rule.check is not None and rule.check.fits(text) and text[0] in "0123" and text[3] in "13579"
        weights[text] = chance * (RULE_BREAK_RATE + keeps * (1 - RULE_BREAK_RATE) / rule.share)
    choice = choose(digits, rule)
    best = max(weights, key=lambda text: weights[text])
    assert choice.text == best
    expected = 0 if choice.problem else weights[best] / sum(weights.values())
    assert choice.confidence == pytest.approx(expected)


def test_the_most_doubtful_digit_is_left_out_first() -> None:
    perhaps = [share / 2 for share in sure("7")[0]]
    digits = [*sure("12"), perhaps, *sure("34")]
    choice = choose(digits, Rule(places(*"####")))
    assert choice.text == "1234"
    assert choice.confidence > 0.9
    free = choose(digits, Rule())
    assert free.text == "12734"
    assert 0.4 < free.confidence < 0.5


def test_no_digits_give_no_number() -> None:
    empty: Sequence[Sequence[float]] = []
    assert choose(empty, LUHN).text == ""
    assert choose(empty, Rule()).confidence == 0
