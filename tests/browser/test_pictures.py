"""Pictures on the page: chosen, pasted, dropped or photographed, they are read."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkdigit.data.dataset import Dataset
from tests.browser.conftest import BLANK, PHONE, Open, boxes, picture, text
from tests.browser.hand import (
    DIGITS,
    draw,
    drop,
    expect,
    settled,
)
from tests.pages import file
from tests.pages import page as digits_page


@pytest.fixture(scope="module")
def seven(real_digits: Dataset) -> bytes:
    """A picture of a 7 of MNIST."""
    return picture(real_digits.images[real_digits.required_labels == 7][0])  # pyright: ignore[reportArgumentType]


def test_a_dropped_photo_shows_boxes_and_its_text(visit: Open, real_digits: Dataset, tmp_path: Path) -> None:
    page = visit()
    sheet = Image.new("L", (1600, 1000), 225)
    ink = np.asarray(digits_page(real_digits, "0522\n1859"))
    sheet.paste(Image.fromarray((ink * (225 / 255)).astype(np.uint8)), (500, 300))
    path = tmp_path / "photo.jpg"
    path.write_bytes(file("JPEG", sheet, quality=85))
    drop(page, path)
    assert text(page) == "0522\n1859"
    assert page.inner_text("#status").startswith("8\xa0digits")
    left, top, right, bottom = boxes(page)  # the photo lies in the middle of the square paper
    assert 500 < 1600 * left < 560
    assert 500 + 550 - 60 < 1600 * right < 500 + 560
    assert 600 + 200 < 1600 * bottom < 600 + 320
    assert 600 - 50 < 1600 * top < 600 + 40
    page.click("#clear")
    assert page.inner_text("#status") == BLANK
    page.click("#undo")
    assert text(page) == "0522\n1859"


def test_a_picture_is_chosen_from_files(visit: Open, seven: bytes) -> None:
    page = visit()
    with page.expect_file_chooser() as chooser:
        page.click("#choose")
    chooser.value.set_files({"name": "seven.png", "mimeType": "image/png", "buffer": seven})
    assert settled(page) == "7"
    draw(page, DIGITS[3])  # a stroke beside a picture starts a new drawing
    assert settled(page) == "3"
    page.click("#undo")
    assert settled(page) == "7"


def test_a_picture_is_pasted(visit: Open, seven: bytes) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (bytes) => navigator.clipboard.write([
            new ClipboardItem({ "image/png": new Blob([new Uint8Array(bytes)], { type: "image/png" }) })])""",
        list(seven),
    )
    page.keyboard.press("Control+v")
    assert settled(page) == "7"
    page.evaluate("navigator.clipboard.writeText('seven')")
    page.keyboard.press("Control+v")
    expect(page.locator("#status")).to_have_text(re.compile("no picture"))


def test_a_picture_is_dropped(visit: Open, seven: bytes, tmp_path: Path) -> None:
    page = visit()
    path = tmp_path / "seven.png"
    path.write_bytes(seven)
    drop(page, path)
    assert settled(page) == "7"
    expect(page.locator("#drop")).to_be_hidden()


def test_a_photo_is_sent_upright_and_small(visit: Open, real_digits: Dataset) -> None:
    image = Image.fromarray(255 - real_digits.images[real_digits.required_labels == 7][0])  # pyright: ignore[reportArgumentType]
    sheet = Image.new("L", (3000, 4000), 235)
    sheet.paste(image.resize((1400, 1400), Image.Resampling.BICUBIC), (800, 1300))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    stream = io.BytesIO()
    sheet.transpose(Image.Transpose.ROTATE_90).save(stream, "JPEG", exif=exif)
    page = visit(**PHONE)
    page.evaluate("{ const real = fetch; fetch = (url, options) => real(url, (sent = options)); }; var sent = null; 0")
    with page.expect_file_chooser() as chooser:
        page.tap("#camera")
    chooser.value.set_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": stream.getvalue()})
    assert settled(page) == "7"
    body = bytes(page.evaluate("sent.body.arrayBuffer().then((buffer) => [...new Uint8Array(buffer)])"))
    sent = Image.open(io.BytesIO(body))
    assert (sent.format, sent.size, dict(sent.getexif())) == ("JPEG", (1200, 1600), {})
    assert page.get_attribute("#photo", "capture") == "environment"


def test_what_is_transparent_stays_transparent(visit: Open, real_digits: Dataset) -> None:
    """Laid on black or on white, ink of that colour would be gone."""
    seven = real_digits.images[real_digits.required_labels == 7][0]  # pyright: ignore[reportArgumentType]
    page = visit()
    for ink in (0, 255):
        drawn = Image.new("LA", (280, 280), (ink, 0))
        drawn.putalpha(Image.fromarray(seven).resize((280, 280), Image.Resampling.BICUBIC))
        content = file("PNG", drawn)
        page.set_input_files("#picture", {"name": "7.png", "mimeType": "image/png", "buffer": content})
        assert settled(page) == "7"
        page.click("#clear")


def test_a_file_that_the_browser_cannot_decode_is_named(visit: Open) -> None:
    page = visit()
    draw(page, DIGITS[5])
    assert settled(page) == "5"
    page.set_input_files("#picture", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"seven"})
    expect(page.locator("#status")).to_contain_text("notes.txt")
    draw(page, [[(0.5, 0.5), (0.5, 0.6)]])  # the drawing is still there to go on with
    settled(page)
    assert "sure" in page.inner_text("#status")


def test_a_picture_without_ink_is_answered_with_the_reason(visit: Open) -> None:
    page = visit()
    white = picture(np.zeros((28, 28), np.uint8))
    page.set_input_files("#picture", {"name": "white.png", "mimeType": "image/png", "buffer": white})
    assert settled(page) == "–"
    assert page.get_attribute("#answer", "data-look") == "idle"
    assert page.inner_text("#status") not in ("", BLANK)
    assert not page.is_visible("#hint")
