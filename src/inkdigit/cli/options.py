"""Options that several commands share, an option for every setting, and which options the user gave."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import click
from click.core import ParameterSource

from inkdigit.utils.limits import MIN_READ_MEMORY, READ_MEMORY, READ_SECONDS, Limits
from inkdigit.utils.options import SettingRow, choices_of, describe_settings

FILE = click.Path(path_type=Path)
SEED = click.IntRange(0, 2**32 - 1)

Command = TypeVar("Command", bound=Callable[..., Any])
Engine = Literal["local", "ray"]  # where a command works: on this machine, or on a Ray cluster


def engine_option(help_text: str) -> Callable[[Command], Command]:
    """The option --engine, `local` or `ray`."""
    return click.option(
        "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help=help_text
    )


def limits_options(command: Command) -> Command:
    """The options --read-timeout and --read-memory; the command takes `limits`, a `Limits`."""

    @functools.wraps(command)
    def with_limits(*arguments: Any, read_timeout: float, read_memory: int, **options: Any) -> Any:
        return command(*arguments, limits=Limits(read_memory, read_timeout), **options)

    seconds = click.option(
        "--read-timeout",
        type=click.FloatRange(0, min_open=True),
        default=READ_SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="What a picture or page may take; one that takes longer is given up.",
    )
    memory = click.option(
        "--read-memory",
        type=click.IntRange(MIN_READ_MEMORY),
        default=READ_MEMORY,
        show_default=True,
        metavar="MIB",
        help="Memory that a picture or page may take.",
    )
    return cast("Command", seconds(memory(with_limits)))


def given_options() -> dict[str, str]:
    """The options on the command line of the current command: parameter name -> flag, such as `as_json` -> `--json`."""
    context = click.get_current_context()
    return {
        option.name: max(option.opts, key=len)
        for option in context.command.params
        if isinstance(option, click.Option) and option.name and _is_given(context, option, option.name)
    }


def _is_given(context: click.Context, option: click.Option, name: str) -> bool:
    if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
        return False
    # Several flags may set one parameter, each to another value.
    return not option.is_flag or option.is_bool_flag or context.params[name] == option.flag_value


def setting_options(defaults: Any, label: str, fixed: Collection[str] = ()) -> Callable[[Command], Command]:
    """Decorate a command with an option for every setting; an option that is not given is None.

    Args:
        defaults: the settings whose values the help shows.
        label: what the help calls those values, such as `default`.
        fixed: settings that get no option.
    """

    def decorate(command: Command) -> Command:
        for row in reversed(describe_settings(defaults)):
            if row.name not in fixed:
                command = _setting_option(defaults, label, row)(command)
        return command

    return decorate


def _setting_option(defaults: Any, label: str, row: SettingRow) -> Callable[[Command], Command]:
    name, value, unit, meaning = row
    flag = "--" + name.replace("_", "-")
    text = f"{meaning[0].upper()}{meaning[1:]}{f' ({unit})' if unit else ''}.  [{label}: {value or 'none'}]"
    if isinstance(getattr(defaults, name), bool):
        return click.option(f"{flag}/--no-{flag[2:]}", default=None, help=text)
    words = choices_of(type(defaults), name)
    return click.option(flag, metavar=f"[{'|'.join(words)}]" if words else "VALUE", help=text)
