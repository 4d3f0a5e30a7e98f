"""Ten probabilities for each digit found -> the number that was most likely written, given the field's rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inkdigit.forms.template import DIGITS, Rule

BROKEN = 0.01  # of all entries so many break their own rule: people miscount and mistype
SPURIOUS = 0.01  # the least chance that a digit found is none, however sure its reading
KEPT = 4  # readings that are shown

Probabilities = Sequence[float]


@dataclass(frozen=True)
class Choice:
    """What a field says.

    confidence: the probability that this was written; 0 for a number that breaks the field's rule. problem: what is
    wrong with it, in words, or none. others: other readings and their probabilities, the likeliest first.
    """

    text: str
    confidence: float
    others: tuple[tuple[str, float], ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class _Partial:
    """Readings of the first digits that ended in the same place and state: the best ones, and the mass of all."""

    mass: float
    best: tuple[tuple[float, str], ...]


def choose(digits: Sequence[Probabilities], rule: Rule) -> Choice:
    """The likeliest number, given ten probabilities for each digit that was found, from left to right.

    What the ten lack to 1 is the chance that there is no digit.
    Of all numbers that could be meant, those that keep the rule share 99 % of the chance in advance, and all, whether
    they keep it or not, the rest: so a check digit decides between a 1 and a 7, but does not turn a number that was
    plainly written, and is wrong, into another. Where more digits were found than the rule has places, some are
    none, likelier those whose reading is unsure.
    """
    if not digits:
        return Choice("", 0.0)
    as_read = "".join(str(max(range(10), key=lambda d: row[d])) for row in digits)
    length = len(rule.allowed) if rule.allowed else len(digits)
    here = [sum(row) for row in digits]
    digits = [[share / total for share in row] for row, total in zip(digits, here, strict=True)]
    valid = _valid_readings(digits, here, rule, length)
    gain = (1 - BROKEN) / rule.share + BROKEN
    weights = {text: gain * weight for weight, text in valid.best}
    every = gain * valid.mass + BROKEN * max(1 - valid.mass, 0.0) * (length == len(digits))
    if length != len(digits):
        every += BROKEN
    if as_read not in weights:
        weights[as_read] = BROKEN * math.prod(map(max, digits))
    ranked = sorted(((weight / every, text) for text, weight in weights.items()), reverse=True)
    share, text = ranked[0]
    if not rule.allowed:  # no length confirms that there are so many
        share *= math.prod(here)
    problem = broken(text, rule)
    others = tuple((other, part) for part, other in ranked[1:KEPT])
    return Choice(text, 0.0 if problem else min(share, 1.0), others, problem)


def broken(text: str, rule: Rule) -> str | None:
    """How a number breaks a rule, in words; None where it keeps it."""
    if rule.allowed and len(text) != len(rule.allowed):
        return f"{len(text)} digit{'s' * (len(text) != 1)} where {len(rule.allowed)} belong"
    if any(digit not in allowed for digit, allowed in zip(text, rule.allowed or (), strict=False)):
        return "does not fit the pattern"
    if rule.check and not rule.check.fits(text):
        return "the check digit does not fit"
    return None


def _valid_readings(digits: Sequence[Probabilities], here: Sequence[float], rule: Rule, length: int) -> _Partial:
    """The numbers of a length that keep the rule: the likeliest, and the mass of all.

    A table over (places filled, state of the check) is carried from digit to digit: exact, and as quick as the check
    has few states.
    """
    spare = len(digits) - length
    table = {(0, 0): _Partial(1.0, ((1.0, ""),))}
    for index, row in enumerate(digits):
        reached: dict[tuple[int, int], list[tuple[float, str, _Partial]]] = {}
        for (filled, state), partial in table.items():
            if index - filled < spare:
                none = max(1 - here[index] * max(row), SPURIOUS)
                reached.setdefault((filled, state), []).append((none, "", partial))
            if filled < length:
                for digit in rule.allowed[filled] if rule.allowed else DIGITS:
                    place = length - 1 - filled
                    after = rule.check.step(state, int(digit), place) if rule.check else 0
                    reached.setdefault((filled + 1, after), []).append((row[int(digit)], digit, partial))
        table = {key: _joined(parts) for key, parts in reached.items()}
    nothing = _Partial(0.0, ())
    if rule.check and length < rule.check.shortest:
        return nothing
    return table.get((length, rule.check.accepted if rule.check else 0), nothing)


def _joined(parts: list[tuple[float, str, _Partial]]) -> _Partial:
    """Readings that go on with one more digit, or without; the same number reached in two ways counts as one."""
    mass = sum(factor * partial.mass for factor, _, partial in parts)
    weights: dict[str, float] = {}
    for factor, digit, partial in parts:
        for weight, text in partial.best:
            weights[text + digit] = weights.get(text + digit, 0.0) + factor * weight
    best = sorted(((weight, text) for text, weight in weights.items()), reverse=True)
    return _Partial(mass, tuple(best[:KEPT]))
