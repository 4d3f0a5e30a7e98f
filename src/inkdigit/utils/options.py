"""Settings that explain themselves: fields of a dataclass with unit, meaning and limits, as options, TOML and text."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from inkdigit.errors import InkdigitError


def setting(
    default: Any, meaning: str, unit: str = "", low: float | None = None, high: float | None = None, allowed: str = ""
) -> Any:
    """A settings field that explains itself. `low` and `high` are the least and the greatest value allowed.

    allowed: a sentence's end that says so, where the type does not.
    """
    return field(
        default=default, metadata={"meaning": meaning, "unit": unit, "low": low, "high": high, "allowed": allowed}
    )


def read_toml(path: Path, see: str) -> dict[str, Any]:
    """The values in a TOML file. Raises InkdigitError, naming the file and what to `see`, for anything else."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InkdigitError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InkdigitError(f"{path} is not TOML ({error}): see {see}.") from None


def parse_values(
    kind: type, values: Mapping[str, Any], where: str, see: str, fixed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Values as in TOML, or texts as on the command line, in the types of the settings class `kind`.

    where, see: what to name in an error, such as the file, and what shows all settings. fixed: fields that cannot be
    given. Raises InkdigitError for what is no setting or no value of its setting.
    """
    known = {f.name: f for f in fields(kind) if f.name not in fixed}
    hints = get_type_hints(kind)
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"{see} shows them all."
            raise InkdigitError(f'{where}: there is no setting "{name}": {hint}')
        try:
            changed[name] = _value(value, hints[name], known[name])
        except (ValueError, TypeError, OverflowError):
            raise InkdigitError(
                f"{where}: {name} = {value!r} is no value for it: {allowed_values(kind, name)}."
            ) from None
    return changed


def _value(value: Any, kind: Any, f: Field[Any]) -> Any:
    """A value in its setting's type; ValueError, TypeError or OverflowError for what is none."""
    if get_origin(kind) is Literal:
        return _one_of(value, get_args(kind))
    if kind is bool:
        return _one_of(value, (True, False))
    if kind is str:
        return _text(value)
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return tuple(_value(part, item, f) for part in _parts(value, nested=get_origin(item) is tuple))
    number = kind(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or kind(number) != number:
        raise ValueError
    if not f.metadata["low"] <= number <= f.metadata["high"]:
        raise ValueError
    return kind(number)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError
    return value


def _one_of(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices or type(value) is not type(choices[0]):
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


def choices_of(kind: type, name: str) -> tuple[str, ...]:
    """The words a setting chooses from; none where it takes numbers."""
    hint = get_type_hints(kind)[name]
    return get_args(hint) if get_origin(hint) is Literal else ()


def allowed_values(kind: type, name: str) -> str:
    """The values a setting takes, in words."""
    f = next(f for f in fields(kind) if f.name == name)
    hint = get_type_hints(kind)[name]
    low, high = f.metadata["low"], f.metadata["high"]
    if f.metadata["allowed"]:
        return f.metadata["allowed"]
    if hint is bool:
        return "give true or false"
    if choices_of(kind, name):
        return f"choose one of {', '.join(choices_of(kind, name))}"
    if hint is str:
        return "give a text of one line"
    if get_origin(hint) is tuple:
        return f"give whole numbers from {low} to {high}, one for each block, or one for all"
    return f"give a {'whole number' if hint is int else 'number'} from {low} to {high}"


def settings_to_toml(settings: Any, heading: str) -> str:
    """All settings as a TOML file with a comment for each."""
    lines = [f"# {heading}", ""]
    for f, (name, _, unit, meaning) in zip(fields(settings), describe_settings(settings), strict=True):
        lines += [f"# {meaning}{f', in {unit}' if unit else ''}", f"{name} = {json.dumps(getattr(settings, f.name))}"]
    return "\n".join(lines) + "\n"


def describe_settings(settings: Any) -> list[tuple[str, str, str, str]]:
    """Name, value, unit and meaning of every setting, in order, for people to read."""
    return [
        (f.name, readable_value(getattr(settings, f.name)), f.metadata["unit"], f.metadata["meaning"])
        for f in fields(settings)
    ]


def readable_value(value: Any) -> str:
    """A setting's value as the command line takes it."""
    if isinstance(value, tuple):
        parts = [" ".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in value]  # pyright: ignore
        return ", ".join(parts)
    return f"{value:g}" if isinstance(value, float) else str(value)


def setting_options(
    defaults: Any, label: str, fixed: Iterable[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command with an option for every setting; those not given are None.

    defaults: the settings whose values the help shows, called `label` there.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for name, default, unit, meaning in reversed(describe_settings(defaults)):
            if name in fixed:
                continue
            flag = "--" + name.replace("_", "-")
            text = f"{meaning[0].upper()}{meaning[1:]}{f' ({unit})' if unit else ''}.  [{label}: {default or 'none'}]"
            if isinstance(getattr(defaults, name), bool):
                command = click.option(f"{flag}/--no-{flag[2:]}", default=None, help=text)(command)
            else:
                words = choices_of(type(defaults), name)
                metavar = f"[{'|'.join(words)}]" if words else "VALUE"
                command = click.option(flag, metavar=metavar, help=text)(command)
        return command

    return decorate
