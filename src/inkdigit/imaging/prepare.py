"""Placeholder until the branch with the preparation lands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.imaging.decode import decode
from inkdigit.imaging.ink import has_light_paper
from inkdigit.imaging.normalize import normalize


class NoInkError(InkdigitError):
    """Nothing is drawn."""


def prepare(
    image: bytes,
    *,
    name: str = "the picture",
    formats: Sequence[str] = (),
    largest: int = 0,  # noqa: ARG001
) -> NDArray[np.uint8]:
    """A picture of one digit -> (28, 28) uint8."""
    grey = decode(image, name)
    try:
        return normalize(~grey if has_light_paper(grey) else grey, name)
    except InkdigitError as error:
        if "shows no ink" in str(error):
            raise NoInkError(str(error)) from error
        raise
