"""What a search may change: settings, each with the values or the range that trials draw from."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.training.config import Settings, preset, stretch_to_blocks, with_values
from inkdigit.utils.options import parse_values, read_toml, readable_value

SCALED_SETTINGS = ("rotation", "shift", "zoom", "shear", "elastic")
AUGMENTATION = "augmentation"  # not a setting, but a factor on these
AUGMENTATION_MEANING = f"factor on {', '.join(SCALED_SETTINGS)}"
ARCHITECTURE = ("filters", "kernel_size", "padding")  # must fit together
# Trials that differ in these could not be compared, or would say only that more is better.
FIXED_SETTINGS = ("preset", "seed", "epochs", "training_rows", "validation_share", "refit", "tta", "members")
FILTER_FACTORS = (0.5, 0.75, 1, 1.5, 2)
SPACE_COMMAND = "`inkdigit tune --print-space`"

Value = str | float | bool  # as on the command line, or a plain number


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; only whole ones where both are `int`.

    Attributes:
        low: the smallest number.
        high: the largest number.
        log: whether they are drawn evenly in the logarithm.
    """

    low: float
    high: float
    log: bool = False


Domain = Range | tuple[Value, ...]  # what the values of one setting are drawn from
Space = dict[str, Domain]


def default(base: Settings) -> Space:
    """The space around the settings `base` that is searched by default: what the tutorial invites to play with."""
    blocks = len(base.filters)
    widths = [tuple(tuple(max(round(f * n), 1) for n in block) for block in base.filters) for f in FILTER_FACTORS]
    space: Space = {
        "filters": tuple(map(readable_value, widths)),
        "kernel_size": tuple(readable_value((first, *[3] * (blocks - 1))) for first in (3, 5)),
        "padding": tuple(readable_value((first, *["same"] * (blocks - 1))) for first in ("same", "valid")),
        "dense": (0, 64, 128, 256),
        "block_dropout": Range(0.0, 0.3),
        "dropout": Range(0.0, 0.6),
        "batch_size": (64, 128, 256),
        "optimizer": ("adam", "adamw", "muon"),
        "learning_rate": Range(0.0005, 0.05, log=True),
        "weight_decay": Range(0.0, 0.1),
        AUGMENTATION: Range(0.0, 2.0),
    }
    return _including_base(space, base, "the space that is searched")


def from_file(path: Path, base: Settings) -> Space:
    """The space of a TOML file, widened to hold the settings `base`.

    Raises:
        InkdigitError: names the file and the setting; `space-empty`, `space-invalid`, or as `parse_values` does.
    """
    space: Space = {name: _domain(name, asked, str(path)) for name, asked in read_toml(path, SPACE_COMMAND).items()}
    if not space:
        raise InkdigitError(f"{path} names nothing to search: {SPACE_COMMAND} shows such a file.", code="space-empty")
    return _including_base(space, base, str(path))


def _domain(name: str, asked: Any, where: str) -> Domain:
    """What a key of the file asks for."""
    if name in FIXED_SETTINGS:
        raise _invalid(f"{where}: {name} is the same in all trials: leave it out.")
    if isinstance(asked, list) and asked:
        return tuple(dict.fromkeys(_value(name, value, where) for value in asked))  # pyright: ignore
    if isinstance(asked, dict) and {"low", "high"} <= set(asked) <= {"low", "high", "log"}:  # pyright: ignore
        low, high = (_value(name, asked[end], where) for end in ("low", "high"))
        log = asked.get("log", False)  # pyright: ignore
        if isinstance(low, str | bool) or isinstance(high, str | bool):
            raise _invalid(f"{where}: {name} has no range: list its values, as [value, value].")
        if isinstance(log, bool) and low < high and (low > 0 or not log):
            return Range(low, high, log)
        raise _invalid(
            f"{where}: the range of {name} is empty or impossible: give low below high, and above 0 where log = true."
        )
    raise _invalid(
        f"{where}: {name} = {json.dumps(asked, default=str)} is neither a list nor a range: give [value, value] "
        "or, for numbers, {low = 1, high = 9}."
    )


def _value(name: str, value: Any, where: str) -> Value:
    """A value of a setting as Optuna keeps it. Raises InkdigitError where there is no such setting or value."""
    if name != AUGMENTATION:
        return _as_value(parse_values(Settings, {name: value}, where, SPACE_COMMAND, fixed=FIXED_SETTINGS)[name])
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise InkdigitError(
            f"{where}: {name} = {value!r} is not a valid value: give a number, 0 or more.", code="setting-invalid"
        )
    return float(value)


def _as_value(value: Any) -> Value:
    """A setting's value, lists as the command line takes them."""
    return readable_value(value) if isinstance(value, tuple) else value


def _including_base(space: Space, base: Settings, where: str) -> Space:
    """A space widened to hold the base's values, which the first trial has; refused where a value cannot be trained."""
    widened: Space = {}
    for name, domain in space.items():
        value = _base_value(base, name)
        if isinstance(domain, tuple):
            widened[name] = domain if value in domain else (value, *domain)
            continue
        number = float(value) if isinstance(domain.low, float) else int(value)
        if domain.log and number <= 0:
            raise _invalid(f"{where}: {name} has a logarithmic range, and {number:g} to start from: leave out log.")
        widened[name] = Range(min(domain.low, number), max(domain.high, number), domain.log)
    for name, domain in widened.items():
        if name not in ARCHITECTURE:
            for value in domain if isinstance(domain, tuple) else (domain.high,):
                settings_at(base, {name: value}, where)
    parts = {name: domain for name in ARCHITECTURE if isinstance(domain := widened.get(name), tuple)}
    for values in itertools.product(*parts.values()):
        settings_at(base, dict(zip(parts, values, strict=True)), where)
    return widened


def base_point(space: Space, base: Settings) -> dict[str, Value]:
    """The settings `base` as a point of the space."""
    return {name: _base_value(base, name) for name in space}


def _base_value(base: Settings, name: str) -> Value:
    if name == AUGMENTATION:
        return 1.0 if any(getattr(base, part) for part in SCALED_SETTINGS) else 0.0
    return _as_value(getattr(base, name))


def settings_at(base: Settings, point: Mapping[str, Value], where: str) -> Settings:
    """The settings `base` with a point's values.

    Args:
        base: where no value is given.
        point: values by setting, `AUGMENTATION` among them.
        where: what errors name.

    Raises:
        InkdigitError: the values do not fit together.
    """
    values: dict[str, Any] = dict(point)
    if AUGMENTATION in values:
        factor = values.pop(AUGMENTATION)
        full = base if _base_value(base, AUGMENTATION) else preset("fast")
        values = {part: factor * getattr(full, part) for part in SCALED_SETTINGS} | values
    typed = parse_values(Settings, values, where, SPACE_COMMAND)
    blocks = len(typed.get("filters", base.filters))
    for name in ("kernel_size", "padding"):
        if name in typed:
            values[name] = list(stretch_to_blocks(typed[name], blocks))
    try:
        return with_values(base, values, where)
    except InkdigitError as error:
        parts = ", ".join(f'{name} "{point[name]}"' for name in ARCHITECTURE if name in point)
        raise InkdigitError(f"{error} It was {parts}." if parts else str(error), code=error.code) from None


def to_toml(space: Space) -> str:
    """A space as the TOML file that `from_file` reads."""
    meanings = {f.name: f.metadata["meaning"] for f in fields(Settings)}
    meanings[AUGMENTATION] = AUGMENTATION_MEANING
    lines = [
        "# What a search draws from: inkdigit tune --space THIS_FILE",
        "# A setting that is not named here stays as it is.",
    ]
    for name, domain in space.items():
        lines += ["", f"# {meanings[name]}", f"{name} = {_domain_text(domain)}"]
    return "\n".join(lines) + "\n"


def _domain_text(domain: Domain) -> str:
    if isinstance(domain, tuple):
        return json.dumps(domain)
    return f"{{low = {domain.low}, high = {domain.high}{', log = true' if domain.log else ''}}}"


def _invalid(message: str) -> InkdigitError:
    return InkdigitError(message, code="space-invalid")
