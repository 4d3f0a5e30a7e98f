"""What a search may change: settings, each with the values or the range it is drawn from."""

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

AUGMENTATION = "augmentation"  # no setting, but a factor on five of them
SCALED = ("rotation", "shift", "zoom", "shear", "elastic")
ARCHITECTURE = ("filters", "kernel_size", "padding")  # must fit together
# Trials that differ in these could not be compared, or would say only that more is better.
SAME = ("preset", "seed", "epochs", "training_rows", "validation_share", "refit", "tta", "members")
WIDTHS = (0.5, 0.75, 1, 1.5, 2)  # of the base's filters
SEE = "`inkdigit tune --print-space`"

Value = str | float | bool  # as on the command line, or a plain number


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; `log`: drawn evenly in the logarithm. Whole numbers where both are."""

    low: float
    high: float
    log: bool = False


Space = dict[str, Range | tuple[Value, ...]]


def default(base: Settings) -> Space:
    """What is searched where nothing else is asked for: the tutorial's knobs, around the settings `base`."""
    blocks = len(base.filters)
    widths = [tuple(tuple(max(round(width * n), 1) for n in block) for block in base.filters) for width in WIDTHS]
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
    return _around(space, base, "the space that is searched")


def from_file(path: Path, base: Settings) -> Space:
    """The space of a TOML file, around the settings `base`. Raises InkdigitError, naming the file, for what is none."""
    space: Space = {name: _drawn(name, asked, str(path)) for name, asked in read_toml(path, SEE).items()}
    if not space:
        raise InkdigitError(f"{path} names nothing to search: {SEE} shows such a file.")
    return _around(space, base, str(path))


def _drawn(name: str, asked: Any, where: str) -> Range | tuple[Value, ...]:
    """What a key of the file asks for."""
    if name in SAME:
        raise InkdigitError(f"{where}: {name} is the same in all trials: leave it out.")
    if isinstance(asked, list) and asked:
        return tuple(dict.fromkeys(_value(name, value, where) for value in asked))  # pyright: ignore
    if isinstance(asked, dict) and {"low", "high"} <= set(asked) <= {"low", "high", "log"}:  # pyright: ignore
        low, high = (_value(name, asked[end], where) for end in ("low", "high"))
        log = asked.get("log", False)  # pyright: ignore
        if isinstance(low, str | bool) or isinstance(high, str | bool):
            raise InkdigitError(f"{where}: {name} has no range: list its values, as [value, value].")
        if isinstance(log, bool) and low < high and (low > 0 or not log):
            return Range(low, high, log)
        raise InkdigitError(
            f"{where}: the range of {name} is empty or impossible: give low below high, and above 0 where log = true."
        )
    raise InkdigitError(
        f"{where}: {name} = {json.dumps(asked, default=str)} is nothing to draw from: give [value, value] or, of "
        f"numbers, {{low = 1, high = 9}}."
    )


def _value(name: str, value: Any, where: str) -> Value:
    """A value of a setting as Optuna keeps it. Raises InkdigitError where there is no such setting or value."""
    if name != AUGMENTATION:
        return _plain(parse_values(Settings, {name: value}, where, SEE, fixed=SAME)[name])
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise InkdigitError(f"{where}: {name} = {value!r} is not valid: give a number, 0 or more.")
    return float(value)


def _plain(value: Any) -> Value:
    """A setting's value, lists as the command line takes them."""
    return readable_value(value) if isinstance(value, tuple) else value


def _around(space: Space, base: Settings, where: str) -> Space:
    """A space with the base's own values in it, so that it can be its first trial; what cannot be trained is told."""
    around: Space = {}
    for name, drawn in space.items():
        own = _own(base, name)
        if isinstance(drawn, tuple):
            around[name] = drawn if own in drawn else (own, *drawn)
            continue
        own = float(own) if isinstance(drawn.low, float) else int(own)
        if drawn.log and own <= 0:
            raise InkdigitError(f"{where}: {name} has a logarithmic range, and {own:g} to start from: leave out log.")
        around[name] = Range(min(drawn.low, own), max(drawn.high, own), drawn.log)
    for name, drawn in around.items():
        if name not in ARCHITECTURE:
            for value in drawn if isinstance(drawn, tuple) else (drawn.high,):
                settings_of(base, {name: value}, where)
    parts = {name: drawn for name in ARCHITECTURE if isinstance(drawn := around.get(name), tuple)}
    for values in itertools.product(*parts.values()):
        settings_of(base, dict(zip(parts, values, strict=True)), where)
    return around


def own_values(space: Space, base: Settings) -> dict[str, Value]:
    """The base's point in a space."""
    return {name: _own(base, name) for name in space}


def _own(base: Settings, name: str) -> Value:
    if name == AUGMENTATION:
        return 1.0 if any(getattr(base, part) for part in SCALED) else 0.0
    return _plain(getattr(base, name))


def settings_of(base: Settings, point: Mapping[str, Value], where: str) -> Settings:
    """The base with a point's values. Raises InkdigitError, naming `where`, where they do not fit together."""
    values: dict[str, Any] = dict(point)
    if AUGMENTATION in values:
        strength = values.pop(AUGMENTATION)
        full = base if _own(base, AUGMENTATION) else preset("fast")
        values = {part: strength * getattr(full, part) for part in SCALED} | values
    typed = parse_values(Settings, values, where, SEE)
    blocks = len(typed.get("filters", base.filters))
    for name in ("kernel_size", "padding"):
        if name in typed:
            values[name] = list(stretch_to_blocks(typed[name], blocks))
    try:
        return with_values(base, values, where)
    except InkdigitError as error:
        parts = ", ".join(f'{name} "{point[name]}"' for name in ARCHITECTURE if name in point)
        raise InkdigitError(f"{error} It was {parts}." if parts else str(error)) from None


def to_toml(space: Space) -> str:
    """A space as the TOML file that `from_file` takes."""
    meanings = {f.name: f.metadata["meaning"] for f in fields(Settings)}
    meanings[AUGMENTATION] = f"factor on {', '.join(SCALED)}"
    lines = ["# What a search draws from: inkdigit tune --space THIS_FILE", "# What is not named here stays as it is."]
    for name, drawn in space.items():
        lines += ["", f"# {meanings[name]}", f"{name} = {_text(drawn)}"]
    return "\n".join(lines) + "\n"


def _text(drawn: Range | tuple[Value, ...]) -> str:
    if isinstance(drawn, tuple):
        return json.dumps(drawn)
    return f"{{low = {drawn.low}, high = {drawn.high}{', log = true' if drawn.log else ''}}}"
