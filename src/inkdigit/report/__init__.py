"""A run's figures -> pictures and one HTML page."""

from importlib.util import find_spec

from inkdigit.errors import InkdigitError


def require() -> None:
    """Raise InkdigitError if the libraries that draw a report are not installed. Fast: nothing is imported."""
    if not all(map(find_spec, ("matplotlib", "jinja2"))):
        raise InkdigitError('A report needs matplotlib and Jinja: pip install "inkdigit[train]".', code="extra-missing")
