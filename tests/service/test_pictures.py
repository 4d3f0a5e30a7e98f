"""Which picture files are prepared in the event loop."""

from __future__ import annotations

from inkdigit.data.dataset import Dataset
from inkdigit.service.pictures import is_small
from tests.pages import file, page


def test_a_small_png_is_known_by_its_header(real_digits: Dataset) -> None:
    small, large = file("PNG", page(real_digits, "3", size=40)), file("PNG", page(real_digits, "31"))
    assert is_small(small)
    assert not is_small(large)
    assert not is_small(file("BMP", page(real_digits, "3", size=40)))
    assert not is_small(b"")
