"""A table in form.toml -> its values, checked; an error names the place of the mistake."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from inkdigit.errors import InkdigitError

DOCUMENTATION = "docs/forms.md"


class Table:
    """A TOML table with known keys; its values are checked, and errors name their place."""

    def __init__(self, values: Mapping[str, Any], where: str, keys: Sequence[str]) -> None:
        """Check the keys.

        Args:
            values: the table.
            where: what to call its place in an error.
            keys: those that it may have.

        Raises:
            InkdigitError: it has another one.
        """
        self._values, self.where = values, where
        for name in values:
            if name not in keys:
                near = difflib.get_close_matches(name, keys, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(keys)}."
                raise InkdigitError(f'{where}: there is no key "{name}": {hint}', code="form-key-unknown")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def wrong(self, name: str, advice: str) -> InkdigitError:
        """The error for a key's value; advice: what to give instead."""
        message = f"{self.where}: {name} = {self._values[name]!r} does not fit: {advice}."
        return InkdigitError(message, code="form-value-invalid")

    def _get(self, name: str) -> Any:
        if name not in self._values:
            raise InkdigitError(f"{self.where}: {name} is missing: see {DOCUMENTATION}.", code="form-key-missing")
        return self._values[name]

    def text(self, name: str) -> str:
        """The text at a key. Raises InkdigitError, as do the others, for a missing key and another value."""
        value = self._get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "give a text in quotes")
        return value

    def flag(self, name: str) -> bool:
        """The true or false at a key; false where it is missing."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "give true or false")
        return value

    def number(self, name: str, low: float, high: float, *, default: float | None = None, whole: bool = False) -> float:
        """The number at a key, from `low` to `high`, or `default` where the key is missing."""
        if default is not None and name not in self._values:
            return default
        value = self._get(name)
        if not _is_number(value, low, high) or (whole and value != int(value)):
            raise self.wrong(name, f"give a {'whole ' if whole else ''}number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, name: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """The list of `count` numbers at a key, each from `low` to `high`."""
        values = self._get(name)
        if not isinstance(values, list) or len(values) != count or not all(_is_number(v, low, high) for v in values):
            raise self.wrong(name, f"give {count} numbers from {low:g} to {high:g}, in mm")
        return tuple(map(float, values))

    def table(self, name: str) -> Mapping[str, Any]:
        """The table at a key."""
        value = self._get(name)
        if not isinstance(value, dict):
            raise self.wrong(name, f"it is a table: see {DOCUMENTATION}")
        return value

    def tables(self, name: str) -> list[Mapping[str, Any]]:
        """The tables at a key that is written above each of them, at least one."""
        value = self._get(name)
        if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
            raise self.wrong(name, f"write [[{name}]] above each: see {DOCUMENTATION}")
        return value


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
