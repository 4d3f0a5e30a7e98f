"""A number -> whether its check digits fit the others.

Each check is a finite automaton that takes the digits from left to right, so that a search over likely readings can
carry its state along instead of trying numbers one by one.

luhn: H. P. Luhn, US patent 2,950,048 (1960); ISO/IEC 7812-1, annex B: payment cards, many account numbers.
mod97: ISO 7064, MOD 97-10, the number being 1 modulo 97: the last two digits check the others, as those of an IBAN do.
mod11: ISO 2108:1992, ISBN-10: weights 1, 2, 3, … from the right, modulo 11. A check digit X cannot be read.
ean: GS1 General Specifications, section 7.9: weights 1 and 3 from the right, modulo 10: EAN-8, EAN-13, ISBN-13, GTIN.
verhoeff: J. Verhoeff, "Error detecting decimal codes", Mathematical Centre Tracts 29, 1969.
damm: H. M. Damm, "Total anti-symmetrische Quasigruppen", dissertation, Marburg 2004.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Step = Callable[[int, int, int], int]


@dataclass(frozen=True)
class Check:
    """A check as a finite automaton that begins in state 0.

    Attributes:
        states: how many states there are; one number in this many is valid.
        step: (state, digit, place) -> the next state; the last digit is at place 0.
        accepted: the state in which a valid number ends.
        min_length: digits of the shortest number that has something to check.
    """

    states: int
    step: Step
    accepted: int = 0
    min_length: int = 2

    def fits(self, number: str) -> bool:
        """Whether a number, digits only, is valid."""
        state = 0
        for place, digit in zip(reversed(range(len(number))), number, strict=True):
            state = self.step(state, int(digit), place)
        return len(number) >= self.min_length and state == self.accepted


def _luhn(state: int, digit: int, place: int) -> int:
    doubled = 2 * digit - 9 * (digit > 4)
    return (state + (doubled if place % 2 else digit)) % 10


def _mod97(state: int, digit: int, _place: int) -> int:
    return (10 * state + digit) % 97


def _mod11(state: int, digit: int, place: int) -> int:
    return (state + (place + 1) * digit) % 11


def _ean(state: int, digit: int, place: int) -> int:
    return (state + (3 if place % 2 else 1) * digit) % 10


def _dihedral(one: int, other: int) -> int:
    """The product in the symmetry group of the pentagon: 0 to 4 are rotations, 5 to 9 are reflections."""
    turned = one + other if one < 5 else one - other
    return turned % 5 + 5 * ((one < 5) != (other < 5))


def _permutations() -> list[list[int]]:
    """Verhoeff's permutation and its powers; the eighth is the identity again."""
    powers = [list(range(10))]
    for _ in range(7):
        powers.append([(1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit] for digit in powers[-1]])
    return powers


_POWERS = _permutations()
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


def _verhoeff(state: int, digit: int, place: int) -> int:
    # The product is defined from the right; multiplying from the left gives the same.
    return _dihedral(_POWERS[place % 8][digit], state)


def _damm(state: int, digit: int, _place: int) -> int:
    return int(_DAMM[state][digit])


CHECKS = {
    "luhn": Check(10, _luhn),
    "mod97": Check(97, _mod97, accepted=1, min_length=3),
    "mod11": Check(11, _mod11),
    "ean": Check(10, _ean),
    "verhoeff": Check(10, _verhoeff),
    "damm": Check(10, _damm),
}
