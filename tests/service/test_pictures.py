"""Picture files -> what the model gets, or what is read on them; and readings that nobody waits for."""

from __future__ import annotations

import asyncio

import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.service.pictures import PictureFile, Pictures, ReadOptions, is_small
from tests.pages import file, page
from tests.service.gated import PATIENCE, GatedRecognizer


def test_a_reading_that_is_cancelled_ends_at_its_next_step(real_digits: Dataset) -> None:
    """A reading past its deadline, and one whose client is gone, are cancelled."""
    recognizer = GatedRecognizer()
    pictures = Pictures(50, 9, 1)
    files = [PictureFile(file("PNG", page(real_digits, "05\n22\n18\n59")), f"files[{place}]") for place in range(3)]

    async def test() -> None:
        reading = asyncio.create_task(pictures.read(files, recognizer, ReadOptions()))
        await asyncio.to_thread(recognizer.entered.wait, PATIENCE)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(test())
    recognizer.gate.set()
    pictures.close()  # waits for the work
    assert len(recognizer.sizes) == 1


def test_a_small_png_is_known_by_its_header(real_digits: Dataset) -> None:
    small, large = file("PNG", page(real_digits, "3", size=40)), file("PNG", page(real_digits, "31"))
    assert is_small(small)
    assert not is_small(large)
    assert not is_small(file("BMP", page(real_digits, "3", size=40)))
    assert not is_small(b"")
