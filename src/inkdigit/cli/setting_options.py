"""An option of a command for every setting of a dataclass."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import click

from inkdigit.utils.options import SettingRow, choices_of, describe_settings

Command = Callable[..., None]


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
                command = _option(defaults, label, row)(command)
        return command

    return decorate


def _option(defaults: Any, label: str, row: SettingRow) -> Callable[[Command], Command]:
    name, value, unit, meaning = row
    flag = "--" + name.replace("_", "-")
    text = f"{meaning[0].upper()}{meaning[1:]}{f' ({unit})' if unit else ''}.  [{label}: {value or 'none'}]"
    if isinstance(getattr(defaults, name), bool):
        return click.option(f"{flag}/--no-{flag[2:]}", default=None, help=text)
    words = choices_of(type(defaults), name)
    return click.option(flag, metavar=f"[{'|'.join(words)}]" if words else "VALUE", help=text)
