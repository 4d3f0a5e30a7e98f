"""Whole collections, predicted or read part by part: any number of rows or pictures in bounded memory."""

from __future__ import annotations

from importlib.util import find_spec

from inkdigit.errors import InkdigitError


def require() -> None:
    """Raise InkdigitError where the `bulk` extra is not installed."""
    if not (find_spec("fsspec") and find_spec("pyarrow")):
        raise InkdigitError('Bulk needs pyarrow and fsspec: pip install "inkdigit[bulk]".', code="extra-missing")
