"""What the page does when the server is away, busy, asks for a key or refuses."""

from __future__ import annotations

import hashlib
import io
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.browser.hand import (
    DIGITS,
    draw,
    expect,
    settled,
    strokes,
)
from tests.handmade import bare_run
from tests.onnx_models import slow_model
from tests.serving import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_the_drawing_outlives_the_server(browser: Browser) -> None:
    context = browser.new_context()
    with closing(context), served() as first:
        page = context.new_page()
        page.goto(first.url)
        first.process.kill()
        first.process.wait()
        draw(page, DIGITS[6])
        expect(page.locator("#answer")).to_have_attribute("data-look", "away")
        with served("--port", str(first.port)):
            expect(page.locator("#digit")).to_have_text("6", use_inner_text=True, timeout=15_000)
            assert "sure" in page.inner_text("#status")


def test_a_busy_server_is_waited_for(browser: Browser, tmp_path: Path) -> None:
    """Every answer takes longer than the server allows it: 504 upon 504, and no complaint but the page's own."""
    context = browser.new_context()
    slow = bare_run(tmp_path / "slow", slow_model(20))
    with closing(context), served("--model", slow, "--deadline", 0.05) as server:
        page = context.new_page()
        page.goto(server.url)
        draw(page, strokes("50,20 50,80"))
        expect(page.locator("#answer")).to_have_attribute("data-look", "away")
        with page.expect_response("**/v1/digits*") as again:
            pass  # nothing is drawn
        assert again.value.status == 504


def test_a_key_is_asked_for_kept_and_sent(browser: Browser, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"page:{hashlib.sha256(b'open sesame!'.replace(b' ', b'-')).hexdigest()}\n")
    context = browser.new_context()
    with closing(context), served("--api-key-file", keys) as server:
        page = context.new_page()
        page.goto(server.url)
        draw(page, DIGITS[9])
        expect(page.locator("#answer")).to_have_attribute("data-look", "locked")
        asked = page.inner_text("#status")
        for wrong in ("sesame", "schlüssel", "  "):
            page.get_by_label("API key").fill(wrong)
            page.keyboard.press("Enter")
            expect(page.locator("#status")).not_to_have_text(asked)
            assert page.get_attribute("#answer", "data-look") == "locked"
        page.click("#clear")
        draw(page, DIGITS[9])  # asked for again as long as it is missing
        page.get_by_label("API key").fill(" open-sesame! ")
        page.get_by_role("button", name="Use").click()
        assert settled(page) == "9"
        assert not page.is_visible("#key")
        page.reload()
        draw(page, DIGITS[4])
        assert settled(page) == "4"
        assert page.evaluate("Object.keys(localStorage).concat(document.cookie || [])") == []


def test_the_reason_of_a_refusal_is_shown(browser: Browser, rng: np.random.Generator) -> None:
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (1100, 1100), np.uint8)).save(stream, "PNG")
    context = browser.new_context()
    with closing(context), served("--max-body", "1") as server:
        page = context.new_page()
        page.goto(server.url)
        page.set_input_files("#picture", {"name": "noise.png", "mimeType": "image/png", "buffer": stream.getvalue()})
        expect(page.locator("#answer")).to_have_attribute("data-look", "wrong")
        with server.client() as client:
            answer = client.post("/v1/digits", content=stream.getvalue(), headers={"Content-Type": "image/png"})
        assert answer.status_code == 413
        assert page.inner_text("#status") == answer.json()["detail"]
