"""The group of all commands, which turns errors into a sentence and an exit code; warnings and errors as lines."""

from __future__ import annotations

import sys

import click

from inkdigit.errors import InkdigitError
from inkdigit.utils.printable import printable

USER_ERROR, INTERRUPTED = 2, 130  # exit codes


class ErrorReportingGroup(click.Group):
    """A group whose commands end with one sentence and exit code 2 after an error that a user can cause."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that the context names; exit with 2 after a user's error, with 130 after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except InkdigitError as error:
            print_error(str(error))
        except OSError as error:
            print_error(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}.")
        except KeyboardInterrupt as interrupt:
            print_lines(*(str(interrupt) or "Interrupted: nothing was written.").split("\n"), err=True)
            sys.exit(INTERRUPTED)
        sys.exit(USER_ERROR)


def print_lines(*lines: str, err: bool = False) -> None:
    """Print lines on standard output, or on standard error. Names in them may hold anything."""
    click.echo("\n".join(map(printable, lines)), err=err)


def print_error(sentence: str) -> None:
    """Print an error as one line on standard error."""
    click.echo(printable(f"Error: {sentence}"), err=True)


def print_warning(sentence: str) -> None:
    """Print a warning as one line on standard error."""
    click.echo(printable(f"Warning: {sentence}"), err=True)
