"""Ten probabilities for each digit found -> the number that was most probably written, given the field's rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inkdigit.forms.template import DIGITS, Rule

RULE_BREAK_RATE = 0.01  # share of entries that break their own rule: people miscount and make mistakes
MIN_SPURIOUS = 0.01  # probability that what was found is not a digit, at least, however sure its reading
MAX_READINGS = 4  # that are kept to be shown

Probabilities = Sequence[float]


@dataclass(frozen=True)
class Choice:
    """The number chosen for a field.

    Attributes:
        text: its digits.
        confidence: the probability that this was written; 0 for a number that breaks the field's rule.
        others: other readings and their probabilities, the most probable first.
        problem: how the number breaks the rule, in words; None where it keeps it.
    """

    text: str
    confidence: float
    others: tuple[tuple[str, float], ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class _Partial:
    """Readings of the first digits that end in the same place and state: the best, and the probability of all."""

    mass: float
    best: tuple[tuple[float, str], ...]


def choose(digits: Sequence[Probabilities], rule: Rule) -> Choice:
    """The digits found in a field, and its rule -> the most probable number.

    The prior gives 99 % to the numbers that keep the rule, in equal shares, and 1 % to all numbers. So a check digit
    decides between a 1 and a 7, but a number that was plainly written, and is wrong, does not become another. Where
    more digits were found than the rule has places, some are not digits, more probably those whose reading is unsure.

    Args:
        digits: from left to right, the ten probabilities of each digit. They sum to the probability that there is a
            digit at all.
        rule: what may be written in the field.
    """
    if not digits:
        return Choice("", 0.0)
    as_read = "".join(str(max(range(10), key=lambda d: row[d])) for row in digits)
    length = len(rule.allowed) if rule.allowed else len(digits)
    objectness = [sum(row) for row in digits]
    digits = [[share / total for share in row] for row, total in zip(digits, objectness, strict=True)]
    valid = _valid_readings(digits, objectness, rule, length)
    gain = (1 - RULE_BREAK_RATE) / rule.share + RULE_BREAK_RATE
    weights = {text: gain * weight for weight, text in valid.best}
    every = gain * valid.mass + RULE_BREAK_RATE * max(1 - valid.mass, 0.0) * (length == len(digits))
    if length != len(digits):
        every += RULE_BREAK_RATE
    if as_read not in weights:
        weights[as_read] = RULE_BREAK_RATE * math.prod(map(max, digits))
    ranked = sorted(((weight / every, text) for text, weight in weights.items()), reverse=True)
    share, text = ranked[0]
    if not rule.allowed:  # no known length confirms the number of digits
        share *= math.prod(objectness)
    problem = rule_violation(text, rule)
    others = tuple((other, part) for part, other in ranked[1:MAX_READINGS])
    return Choice(text, 0.0 if problem else min(share, 1.0), others, problem)


def rule_violation(text: str, rule: Rule) -> str | None:
    """A number and a rule -> how the number breaks the rule, in words; None where it keeps it."""
    if rule.allowed and len(text) != len(rule.allowed):
        return f"{len(text)} digit{'s' * (len(text) != 1)} where {len(rule.allowed)} belong"
    if any(digit not in allowed for digit, allowed in zip(text, rule.allowed or (), strict=False)):
        return "does not fit the pattern"
    if rule.check and not rule.check.fits(text):
        return "the check digit does not fit"
    return None


def _valid_readings(digits: Sequence[Probabilities], objectness: Sequence[float], rule: Rule, length: int) -> _Partial:
    """The numbers of a length that keep the rule: the most probable ones, and the probability of all.

    Dynamic programming over (places filled, state of the check): the result is exact, and the time grows with the
    number of states.
    """
    spare = len(digits) - length
    table = {(0, 0): _Partial(1.0, ((1.0, ""),))}
    for index, row in enumerate(digits):
        reached: dict[tuple[int, int], list[tuple[float, str, _Partial]]] = {}
        for (filled, state), partial in table.items():
            if index - filled < spare:
                no_digit = max(1 - objectness[index] * max(row), MIN_SPURIOUS)
                reached.setdefault((filled, state), []).append((no_digit, "", partial))
            if filled < length:
                for digit in rule.allowed[filled] if rule.allowed else DIGITS:
                    place = length - 1 - filled
                    after = rule.check.step(state, int(digit), place) if rule.check else 0
                    reached.setdefault((filled + 1, after), []).append((row[int(digit)], digit, partial))
        table = {key: _joined(parts) for key, parts in reached.items()}
    nothing = _Partial(0.0, ())
    if rule.check and length < rule.check.min_length:
        return nothing
    return table.get((length, rule.check.accepted if rule.check else 0), nothing)


def _joined(parts: list[tuple[float, str, _Partial]]) -> _Partial:
    """Partial readings, each continued by a digit or by none; a number reached in two ways counts as one."""
    mass = sum(factor * partial.mass for factor, _, partial in parts)
    weights: dict[str, float] = {}
    for factor, digit, partial in parts:
        for weight, text in partial.best:
            weights[text + digit] = weights.get(text + digit, 0.0) + factor * weight
    best = sorted(((weight, text) for text, weight in weights.items()), reverse=True)
    return _Partial(mass, tuple(best[:MAX_READINGS]))
