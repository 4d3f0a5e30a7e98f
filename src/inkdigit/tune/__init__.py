"""A search for better settings: trials on Optuna's advice, each a training, side by side here or on a cluster."""

from importlib.util import find_spec

from inkdigit.errors import InkdigitError


def require() -> None:
    """Raise InkdigitError where Optuna is not installed; cheap, since nothing is imported."""
    if not find_spec("optuna"):
        raise InkdigitError('A search needs Optuna: pip install "inkdigit[tune]".')
