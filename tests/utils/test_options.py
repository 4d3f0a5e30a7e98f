"""Settings that describe themselves: declared, parsed, printed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from inkdigit.utils.options import (
    allowed_values,
    choices_of,
    describe_settings,
    parse_values,
    read_toml,
    readable_value,
    setting,
    settings_to_toml,
)
from tests.errors import refused


@dataclass(frozen=True)
class Oven:
    """Settings as a program has them."""

    name: str = setting("", "what the oven is called")
    trays: int = setting(3, "how many trays it takes", "trays", 1, 9)
    heat: float = setting(180.0, "how hot it gets", "degrees", 0.5, 300)
    fan: bool = setting(True, "blow the air around")
    mode: Literal["bake", "grill"] = setting("bake", "where the heat comes from")
    sizes: tuple[int, ...] = setting((4, 2), "size of each tray", "dm", 1, 8)
    plan: tuple[tuple[int, ...], ...] = setting(((1,), (2, 3)), "minutes of each step", "", 1, 60, "give minutes")


OTHERS: dict[str, Any] = {
    "name": "big",
    "trays": 9,
    "heat": 0.5,
    "fan": False,
    "mode": "grill",
    "sizes": (8,),
    "plan": ((60, 1), (2,)),
}


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "fan"])
def test_a_text_becomes_the_value_that_it_shows(name: str) -> None:
    assert parse_values(Oven, {name: readable_value(OTHERS[name])}, "here", "help") == {name: OTHERS[name]}


def test_printed_settings_can_be_read_again() -> None:
    settings = replace(Oven(), **OTHERS)
    values = tomllib.loads(settings_to_toml(settings, "An oven"))
    assert Oven(**parse_values(Oven, values, "here", "help")) == settings


def test_a_whole_number_becomes_a_fraction_where_one_is_wanted() -> None:
    (heat,) = parse_values(Oven, {"heat": 200}, "here", "help").values()
    assert isinstance(heat, float)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 5),
        ("name", "two\nlines"),
        ("trays", 0),
        ("trays", 10),
        ("trays", "1.5"),
        ("trays", True),
        ("trays", None),
        ("heat", "hot"),
        ("heat", "nan"),
        ("heat", float("inf")),
        ("fan", 1),
        ("fan", "yes"),
        ("mode", "boil"),
        ("sizes", ""),
        ("sizes", "1,, 2"),
        ("sizes", [9]),
        ("plan", [[0]]),
        ("plan", 2.5),
    ],
)
def test_a_value_that_is_not_valid_is_refused_with_the_allowed_ones(name: str, value: object) -> None:
    with refused("setting-invalid", "oven.toml", f"{name} = {value!r}", allowed_values(Oven, name)):
        parse_values(Oven, {name: value}, "oven.toml", "help")


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with refused("setting-unknown", "oven.toml", "tray", "trays"):
        parse_values(Oven, {"tray": 1}, "oven.toml", "help")
    with refused("setting-unknown", "oven.toml", "xyz", "help"):
        parse_values(Oven, {"xyz": 1}, "oven.toml", "help")
    with refused("setting-unknown", "oven.toml", "trays"):
        parse_values(Oven, {"trays": 1}, "oven.toml", "help", fixed=("trays",))


def test_a_setting_describes_itself() -> None:
    assert describe_settings(Oven())[1] == ("trays", "3", "trays", "how many trays it takes")
    assert choices_of(Oven, "mode") == ("bake", "grill")
    assert choices_of(Oven, "trays") == choices_of(Oven, "name") == ()


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "oven.toml"
    with refused("file-not-found", path):
        read_toml(path, "help")
    for content in (b"trays = ", b"trays = '\xff'"):
        path.write_bytes(content)
        with refused("toml-invalid", path, "help"):
            read_toml(path, "help")
