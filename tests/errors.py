"""What the tests expect of an error: its code, and the places that its sentence names."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from inkdigit.errors import InkdigitError


@contextmanager
def refused(code: str, *places: object) -> Generator[pytest.ExceptionInfo[InkdigitError]]:
    """The block raises an InkdigitError with this code; its sentence names each of the places."""
    with pytest.raises(InkdigitError) as caught:
        yield caught
    assert caught.value.code == code, caught.value
    for place in places:
        assert str(place) in str(caught.value)
