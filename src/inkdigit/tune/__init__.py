"""A search for better settings: trials that Optuna proposes, each a training, in processes or on a cluster."""

from importlib.util import find_spec

from inkdigit.errors import InkdigitError


def require() -> None:
    """Raise InkdigitError where the `tune` extra is not installed."""
    if not find_spec("optuna"):
        raise InkdigitError('A search needs Optuna: pip install "inkdigit[tune]".', code="extra-missing")
