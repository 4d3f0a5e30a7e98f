"""The Kaggle notebook."""

from __future__ import annotations

from typing import Any

import nbformat

from tests.paths import ROOT


def read_notebook() -> Any:
    """The notebook's cells."""
    return nbformat.read(ROOT / "notebooks" / "kaggle.ipynb", as_version=4)  # pyright: ignore[reportUnknownMemberType]
