"""Options of the command line: which were given, and one for every setting."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner

from inkdigit.cli.options import Engine, engine_option, given_options, setting_options
from inkdigit.utils.options import setting


@click.command()
@click.option("--page", "layout", flag_value="page", default=True)
@click.option("--line", "layout", flag_value="line")
@click.option("--json", "as_json", is_flag=True)
@click.option("-o", "--output", default="table.csv")
@click.option("--key", envvar="TEST_KEY")
@engine_option("Where it works.")
def command(layout: str, as_json: bool, output: str, key: str | None, engine: Engine) -> None:
    click.echo(repr(given_options()))


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], {}),
        (["--json"], {"as_json": "--json"}),
        (["--line"], {"layout": "--line"}),
        (["-o", "table.csv"], {"output": "--output"}),  # given, though it is the default
        (["--engine", "ray", "--page"], {"engine": "--engine", "layout": "--page"}),
    ],
)
def test_given_options_are_those_on_the_command_line(arguments: list[str], given: dict[str, str]) -> None:
    result = CliRunner().invoke(command, arguments, env={"TEST_KEY": "secret"}, catch_exceptions=False)
    assert ast.literal_eval(result.stdout) == given


def test_an_unknown_engine_is_refused() -> None:
    assert CliRunner().invoke(command, ["--engine", "cloud"]).exit_code == 2


@dataclass(frozen=True)
class Oven:
    """Settings as a program has them."""

    kind: str = setting("gas", "what heats it")
    heat: float = setting(180.0, "how hot it gets", "degrees", 0, 300)
    fan: bool = setting(True, "blow the air around")
    bake_mode: Literal["bake", "grill"] = setting("bake", "where the heat comes from")


@click.command()
@setting_options(Oven(), "default", fixed=("kind",))
def bake(**values: Any) -> None:
    click.echo(repr(values))


def test_every_setting_is_an_option_that_is_none_until_it_is_given() -> None:
    result = CliRunner().invoke(bake, ["--heat", "200", "--no-fan"], catch_exceptions=False)
    assert ast.literal_eval(result.stdout) == {"heat": "200", "fan": False, "bake_mode": None}


def test_the_help_shows_meaning_unit_default_and_choices() -> None:
    help_text = CliRunner().invoke(bake, ["--help"], catch_exceptions=False).stdout
    for words in ("--heat VALUE", "How hot it gets (degrees).", "[default: 180]", "--fan / --no-fan", "[bake|grill]"):
        assert words in help_text
    assert "--kind" not in help_text
