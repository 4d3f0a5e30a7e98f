"""What a user can cause, a user can read."""


class InkdigitError(Exception):
    """One sentence: what was wrong, where, what to do. The command line prints it and exits with code 2.

    Attributes:
        code: a short name of what was wrong that never changes, such as `csv-column-missing`; the sentence may.
    """

    def __init__(self, message: str, *, code: str = "unspecified") -> None:
        super().__init__(message)
        self.code = code


class NoInkError(InkdigitError):
    """A picture on which nothing is drawn."""


class TooLargeError(InkdigitError):
    """A picture of more pixels than are read."""
