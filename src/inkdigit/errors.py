"""What a user can cause, a user can read."""


class InkdigitError(Exception):
    """One sentence: what was wrong, where, what to do. The command line prints it and exits with code 2."""


class NoInkError(InkdigitError):
    """A picture on which nothing is drawn."""


class TooLargeError(InkdigitError):
    """A picture of more pixels than are read."""
