"""A reading that nobody waits for can be ended between its steps."""

from __future__ import annotations

import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.reading.reader import Reader
from inkdigit.recognizer import Recognizer
from tests.pages import page


class StopError(Exception):
    """Ends the work."""


def test_an_error_in_check_ends_the_reading_at_that_step(real_digits: Dataset) -> None:
    reader, picture = Reader(Recognizer.load()), page(real_digits, "0522\n1859")
    calls: list[int] = []
    reader.read(picture, check=lambda: calls.append(1))
    steps = len(calls)
    assert steps > 4  # a page of two lines: ink, lines, digits

    for last in range(1, steps + 1):
        left = last

        def check() -> None:
            nonlocal left
            left -= 1
            if not left:
                raise StopError

        with pytest.raises(StopError):
            reader.read(picture, check=check)
        assert left == 0
