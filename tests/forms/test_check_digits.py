"""Check digits against examples that others have published."""

from __future__ import annotations

import pytest

from inkdigit.forms.check_digits import CHECKS

EXAMPLES = [
    ("luhn", "17893729974"),  # the patent's method, as Wikipedia works it out
    ("luhn", "79927398713"),
    ("luhn", "4111111111111111"),  # the card number for tests
    ("mod97", "79444"),  # ISO 7064's own example, 794 with 44
    ("mod97", "3214282912345698765432161182"),  # the IBAN GB82 WEST 1234 5698 7654 32 in digits, as its check reads it
    ("mod11", "0306406152"),  # ISBN-10
    ("mod11", "1861972717"),
    ("ean", "4006381333931"),  # EAN-13
    ("ean", "9780306406157"),  # ISBN-13
    ("ean", "73513537"),  # EAN-8
    ("verhoeff", "2363"),
    ("verhoeff", "123451"),
    ("verhoeff", "1428570"),
    ("damm", "5724"),
]


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_published_numbers_fit_and_no_other_last_digit_does(name: str, number: str) -> None:
    fits = [digit for digit in "0123456789" if CHECKS[name].fits(number[:-1] + digit)]
    assert fits == [number[-1]]


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_every_wrong_digit_is_found(name: str, number: str) -> None:
    for place, right in enumerate(number):
        for wrong in set("0123456789") - {right}:
            assert not CHECKS[name].fits(number[:place] + wrong + number[place + 1 :]), (place, wrong)


@pytest.mark.parametrize("name", ["mod97", "mod11", "verhoeff", "damm"])
def test_neighbours_exchanged_are_found(name: str) -> None:
    for number in [number for check, number in EXAMPLES if check == name]:
        for place in range(len(number) - 1):
            one, other = number[place : place + 2]
            swapped = number[:place] + other + one + number[place + 2 :]
            assert CHECKS[name].fits(swapped) == (one == other)


@pytest.mark.parametrize("name", CHECKS)
def test_the_share_of_valid_numbers_is_one_by_the_states(name: str) -> None:
    check = CHECKS[name]
    fits = sum(check.fits(f"{number:05}") for number in range(100_000))
    assert fits == pytest.approx(100_000 / check.states, rel=0.02)


@pytest.mark.parametrize("name", CHECKS)
def test_too_short_numbers_are_not_valid(name: str) -> None:
    assert not any(CHECKS[name].fits(number) for number in ("", "0", "1"))
