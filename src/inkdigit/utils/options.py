"""Settings that describe themselves: fields of a dataclass with meaning, unit and limits, read from TOML or text."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import Field, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import reading

Value = TypeVar("Value")


def setting(
    default: Value,
    meaning: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    allowed: str = "",
) -> Value:
    """Declare a field of a dataclass of settings; the type of the default must be the field's.

    Args:
        default: the value where none is given.
        meaning: what it does, for the help and the documents.
        unit: of a number, such as `pixels`; empty where it has none.
        low: the least value allowed. Numbers need it.
        high: the greatest value allowed. Numbers need it.
        allowed: how to end the sentence about a wrong value, where the type and the limits do not say enough.
    """
    metadata = {"meaning": meaning, "unit": unit, "low": low, "high": high, "allowed": allowed}
    return field(default=default, metadata=metadata)


def read_toml(path: Path, see: str) -> dict[str, Any]:
    """Read the values of a TOML file.

    Args:
        path: the file.
        see: what shows how such a file looks, for the error.

    Raises:
        InkdigitError: the file cannot be read, or is not TOML.
    """
    with reading(path):
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InkdigitError(f"{path} is not TOML ({error}): see {see}.", code="toml-invalid") from None


def parse_values(
    settings_class: type, values: Mapping[str, Any], where: str, see: str, fixed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Convert values as TOML has them, or texts as on the command line, to the types of their settings.

    Args:
        settings_class: a dataclass whose fields are made by `setting`.
        values: by the names of settings.
        where: where the values come from, such as a file, for an error.
        see: what shows all settings, for an error.
        fixed: settings that cannot be given.

    Raises:
        InkdigitError: a name is not that of a setting, or a value is not allowed for its setting.
    """
    known = {f.name: f for f in fields(settings_class) if f.name not in fixed}
    types = get_type_hints(settings_class)
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            similar = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {similar[0]}?" if similar else f"{see} shows them all."
            raise InkdigitError(f'{where}: there is no setting "{name}": {hint}', code="setting-unknown")
        try:
            parsed[name] = _parse(value, types[name], known[name])
        except (ValueError, TypeError, OverflowError):
            problem = f"{where}: {name} = {value!r} is not valid: {allowed_values(settings_class, name)}."
            raise InkdigitError(problem, code="setting-invalid") from None
    return parsed


def _parse(value: Any, wanted: Any, f: Field[Any]) -> Any:
    """A value in the type of its setting. Raises ValueError, TypeError or OverflowError where it is not valid."""
    if get_origin(wanted) is Literal:
        return _choose(value, get_args(wanted))
    if wanted is bool:
        return _choose(value, (True, False))
    if wanted is str:
        return _check_text(value)
    if get_origin(wanted) is tuple:
        item = get_args(wanted)[0]
        return tuple(_parse(part, item, f) for part in _parts(value, nested=get_origin(item) is tuple))
    number = wanted(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or wanted(number) != number:
        raise ValueError
    if not f.metadata["low"] <= number <= f.metadata["high"]:
        raise ValueError
    return wanted(number)


def _check_text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError
    return value


def _choose(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices or type(value) is not type(choices[0]):  # 1 == True
        raise ValueError
    return value


def _parts(value: Any, *, nested: bool) -> list[Any]:
    """A list, or the text of one: blocks lie between commas, convolutions of a block between spaces."""
    if isinstance(value, str):
        parts = value.split(",") if nested or "," in value else value.split()
        value = [part.strip() for part in parts]
    elif not isinstance(value, list):
        value = [value]
    if not value or "" in value:
        raise ValueError
    return value


def choices_of(settings_class: type, name: str) -> tuple[str, ...]:
    """The words that a setting chooses from; empty where it takes numbers or any text."""
    wanted = get_type_hints(settings_class)[name]
    return get_args(wanted) if get_origin(wanted) is Literal else ()


def allowed_values(settings_class: type, name: str) -> str:
    """The values that a setting takes, as the end of a sentence."""
    metadata = next(f.metadata for f in fields(settings_class) if f.name == name)
    wanted = get_type_hints(settings_class)[name]
    low, high = metadata["low"], metadata["high"]
    if metadata["allowed"]:
        return metadata["allowed"]
    if wanted is bool:
        return "give true or false"
    if choices := choices_of(settings_class, name):
        return f"choose one of {', '.join(choices)}"
    if wanted is str:
        return "give a text of one line"
    if get_origin(wanted) is tuple:
        return f"give whole numbers from {low} to {high}, one for each block, or one for all"
    return f"give a {'whole number' if wanted is int else 'number'} from {low} to {high}"


class SettingRow(NamedTuple):
    """One setting, for people to read."""

    name: str
    value: str
    unit: str
    meaning: str


def describe_settings(settings: Any) -> list[SettingRow]:
    """Every setting in order, from a dataclass whose fields are made by `setting`."""
    return [
        SettingRow(f.name, readable_value(getattr(settings, f.name)), f.metadata["unit"], f.metadata["meaning"])
        for f in fields(settings)
    ]


def readable_value(value: Any) -> str:
    """The value of a setting as the command line takes it."""
    if isinstance(value, tuple):
        parts = [" ".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in value]  # pyright: ignore
        return ", ".join(parts)
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_to_toml(settings: Any, heading: str) -> str:
    """All settings as the text of a TOML file, with a comment on each."""
    lines = [f"# {heading}", ""]
    for name, _, unit, meaning in describe_settings(settings):
        lines += [f"# {meaning}{f', in {unit}' if unit else ''}", f"{name} = {json.dumps(getattr(settings, name))}"]
    return "\n".join(lines) + "\n"
