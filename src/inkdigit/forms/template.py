"""form.toml -> a form's page, marks and fields, each with the rules of what may be written in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.forms.check_digits import CHECKS, Check
from inkdigit.forms.toml_table import DOCUMENTATION, Table
from inkdigit.utils.options import read_toml

MAX_DIGITS = 64  # of a field
DIGITS = frozenset("0123456789")

Rectangle = tuple[float, float, float, float]  # x, y, width, height in mm from the page's upper left corner


@dataclass(frozen=True)
class Marks:
    """Filled squares in the page's corners. The upper left one has a hole half as wide, which shows the way up.

    Attributes:
        size: mm, of each side.
        inset: mm, from both edges of the page.
    """

    size: float
    inset: float


@dataclass(frozen=True)
class Rule:
    """What may be written in a field.

    Attributes:
        allowed: the digits allowed at each place; None where the number may have any length.
        check: the check that the number passes; None where there is no check digit.
    """

    allowed: tuple[frozenset[str], ...] | None = None
    check: Check | None = None

    @property
    def share(self) -> float:
        """The share of numbers of the same length that keep the rule: 1 where everything is allowed."""
        share = 1 / self.check.states if self.check else 1.0
        for digits in self.allowed or ():
            share *= len(digits) / 10
        return share


@dataclass(frozen=True)
class Field:
    """A field of a form.

    Attributes:
        name: its column in the table.
        box: where it is on the page; of printed boxes, to the middle of their lines.
        rule: what may be written in it.
        boxes: how many boxes are printed side by side, one for each digit; 1 is a frame around all digits; 0: nothing
            is printed.
        min_confidence: 0 to 1; below it an answer is doubtful.
        optional: whether the field may be left empty.
    """

    name: str
    box: Rectangle
    rule: Rule = Rule()
    boxes: int = 0
    min_confidence: float = 0.9
    optional: bool = False


@dataclass(frozen=True)
class Template:
    """A form.

    Attributes:
        page: its width and height in mm.
        marks: the squares in its corners, if it has them.
        fields: in the order of the table's columns.
    """

    page: tuple[float, float]
    marks: Marks | None
    fields: tuple[Field, ...]


def load(path: Path) -> Template:
    """A TOML file -> the template in it.

    Raises:
        InkdigitError: it is not a template; names file, field and key.
    """
    whole = Table(read_toml(path, DOCUMENTATION), str(path), ("form", "field"))
    form = Table(whole.table("form"), f"{path}, [form]", ("page", "marks"))
    page = form.numbers("page", 2, low=10, high=2000)
    marks = _marks(form, page) if "marks" in form else None
    tables = whole.tables("field")
    fields: list[Field] = []
    for number, values in enumerate(tables, 1):
        field = _field(values, f"{path}, field {number}", page)
        taken = {column for other in fields for column in (other.name, f"{other.name}_confidence")}
        if {field.name, f"{field.name}_confidence"} & (taken | {"file", "error"}):
            problem = f'the name "{field.name}" would be the same as another column of the answers'
            raise InkdigitError(f"{path}, field {number}: {problem}: choose another.", code="form-field-duplicate")
        fields.append(field)
    return Template((page[0], page[1]), marks, tuple(fields))


def _marks(form: Table, page: Sequence[float]) -> Marks:
    table = Table(form.table("marks"), f"{form.where}, marks", ("size", "inset"))
    marks = Marks(table.number("size", 3, 50), table.number("inset", 0, 100))
    if 2 * (marks.size + marks.inset) > 0.8 * min(page):
        problem = "marks of that size and inset leave no room between them"
        raise InkdigitError(f"{table.where}: {problem}: make them smaller.", code="form-value-invalid")
    return marks


def _field(values: Mapping[str, Any], where: str, page: Sequence[float]) -> Field:
    keys = ("name", "box", "length", "pattern", "check", "boxes", "min_confidence", "optional")
    is_named = isinstance(values.get("name"), str) and re.fullmatch(r"[^\W\d]\w{,63}", values["name"])
    table = Table(values, f'{where} ("{values["name"]}")' if is_named else where, keys)
    name = table.text("name")
    if not is_named:
        raise table.wrong("name", "give letters, digits and _ only, a letter first, 64 at most")
    x, y, width, height = table.numbers("box", 4, low=0, high=2000)
    if min(width, height) < 2:
        raise table.wrong("box", "give x, y, width and height in mm, both sides at least 2")
    if x + width > page[0] or y + height > page[1]:
        raise table.wrong("box", f"it reaches beyond the page of {page[0]:g} x {page[1]:g} mm")
    boxes = int(table.number("boxes", 0, MAX_DIGITS, default=0, whole=True))
    rule = _rule(table)
    if boxes > 1 and rule.allowed and len(rule.allowed) > boxes:
        raise table.wrong("boxes", f"{len(rule.allowed)} digits need as many")
    if boxes > 1 and width / boxes < 2:
        raise table.wrong("boxes", f"they would be less than 2 mm wide in a field of {width:g} mm")
    minimum = table.number("min_confidence", 0, 1, default=0.9)
    return Field(name, (x, y, width, height), rule, boxes, minimum, table.flag("optional"))


def _rule(table: Table) -> Rule:
    """The rule of length, pattern and check; length and pattern must agree."""
    allowed: tuple[frozenset[str], ...] | None = None
    if "length" in table:
        allowed = (DIGITS,) * int(table.number("length", 1, MAX_DIGITS, whole=True))
    if "pattern" in table:
        pattern = _pattern(table)
        if allowed and len(allowed) != len(pattern):
            raise table.wrong("length", f"the pattern has {len(pattern)} digits: leave length out")
        allowed = pattern
    if "check" not in table:
        return Rule(allowed)
    name = table.text("check")
    if name not in CHECKS:
        raise table.wrong("check", f"choose one of {', '.join(CHECKS)}")
    check = CHECKS[name]
    if allowed and len(allowed) < check.min_length:
        raise table.wrong("check", f"it takes numbers of {check.min_length} digits or more")
    return Rule(allowed, check)


def _pattern(table: Table) -> tuple[frozenset[str], ...]:
    """One set of digits for each place: "1" is a digit itself, "#" any, "[0-3]" and "[05]" are one of those."""
    text = table.text("pattern")
    places: list[frozenset[str]] = []
    rest = text
    while rest:
        token = re.match(r"[0-9#]|\[(?:[0-9]-[0-9]|[0-9])+\]", rest, re.ASCII)
        if not token:
            advice = "give digits, # for any digit, and sets such as [0-3] or [05]"
            raise table.wrong(
                "pattern", f'"{rest[0]}" at place {len(text) - len(rest) + 1} cannot be used there: {advice}'
            )
        places.append(_set(token[0]))
        if not places[-1]:
            raise table.wrong("pattern", f"{token[0]} has no digits: write the smaller one first")
        rest = rest[token.end() :]
    if not 1 <= len(places) <= MAX_DIGITS:
        raise table.wrong("pattern", f"give 1 to {MAX_DIGITS} digits")
    return tuple(places)


def _set(token: str) -> frozenset[str]:
    if token == "#":  # noqa: S105
        return DIGITS
    ranges = re.findall(r"([0-9])-([0-9])", token)
    alone = re.sub(r"[0-9]-[0-9]|[\[\]]", "", token)
    if any(first > last for first, last in ranges):
        return frozenset()
    return frozenset(alone) | {d for first, last in ranges for d in DIGITS if first <= d <= last}
