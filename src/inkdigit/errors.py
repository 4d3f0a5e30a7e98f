"""What a user can cause, a user can read."""

from __future__ import annotations

from functools import partial
from typing import Any


class InkdigitError(Exception):
    """One sentence: what was wrong, where, what to do. The command line prints it and exits with code 2.

    Attributes:
        code: a short name of what was wrong that never changes, such as `csv-column-missing`; the sentence may.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the code too: errors travel between processes."""
        return partial(type(self), code=self.code), self.args, self.__dict__


class NoInkError(InkdigitError):
    """A picture on which nothing is drawn."""


class TooLargeError(InkdigitError):
    """A picture of more pixels than are read."""
