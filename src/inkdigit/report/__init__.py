"""Figures -> pictures and one HTML page."""

from importlib.util import find_spec

from inkdigit.errors import InkdigitError


def require() -> None:
    """Raise InkdigitError where what draws a report is not installed; cheap, since nothing is imported."""
    if not all(map(find_spec, ("matplotlib", "jinja2"))):
        raise InkdigitError('A report needs matplotlib and Jinja: pip install "inkdigit[train]".')
