"""All commands: what they are called, and the exit codes that errors become."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from inkdigit.cli import main
from inkdigit.cli.group import ErrorReportingGroup
from inkdigit.errors import InkdigitError

COMMANDS = "api-key audit bulk compare data evaluate export read report runs serve submit synth train tune"


def test_the_commands_are_these() -> None:
    assert " ".join(sorted(main.commands)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS.split())
def test_every_command_has_a_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"main {command} " in result.stdout


@pytest.mark.parametrize(
    ("error", "code", "output"),
    [
        (InkdigitError("a.csv is empty.", code="csv-empty"), 2, "Error: a.csv is empty.\n"),
        (PermissionError(13, "Permission denied", "a.csv"), 2, "Error: a.csv cannot be used: Permission denied.\n"),
        (KeyboardInterrupt("Interrupted, and kept."), 130, "Interrupted, and kept.\n"),
        (KeyboardInterrupt(), 130, "Interrupted: nothing was written.\n"),
    ],
)
def test_an_error_becomes_one_line_and_an_exit_code(error: BaseException, code: int, output: str) -> None:
    group = ErrorReportingGroup("group")

    @group.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(group, ["fail"], catch_exceptions=False)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", output)


def test_an_error_of_the_program_is_not_hidden() -> None:
    group = ErrorReportingGroup("group")

    @group.command()
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(group, ["fail"], catch_exceptions=False)
