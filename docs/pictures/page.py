"""Draws the page's pictures for the README, in the system's own font: `python -m docs.pictures.page`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from docs.pictures.read import written
from tests.browser.hand import DIGITS, beside, doubt, draw, settled
from tests.conftest import CHROMIUM
from tests.serving import served

HERE = Path(__file__).parent
DESKTOP = {"viewport": {"width": 1060, "height": 780}, "color_scheme": "light"}
PHONE = {
    "viewport": {"width": 390, "height": 760},
    "color_scheme": "dark",
    "has_touch": True,
    "device_scale_factor": 1.5,
}


def visit(browser: Browser, url: str, options: dict[str, Any]) -> Page:
    page = browser.new_context(**options).new_page()
    page.goto(url)
    return page


def take(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)  # until the bars stop moving
    page.screenshot(path=HERE / name)
    print(f"{HERE / name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


with sync_playwright() as playwright, served() as server:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
    desktop, phone = visit(browser, server.url, DESKTOP), visit(browser, server.url, PHONE)
    draw(desktop, DIGITS[5])
    settled(desktop)
    take(desktop, "page.png")
    list(doubt(phone))
    take(phone, "page-phone.png")
    stream = io.BytesIO()
    written()[0].save(stream, "JPEG", quality=90)
    photo = visit(browser, server.url, DESKTOP)
    photo.set_input_files("#picture", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": stream.getvalue()})
    settled(photo)
    take(photo, "page-photo.png")
    several = visit(browser, server.url, PHONE)
    draw(several, beside("2026", 0.3))
    settled(several)
    take(several, "page-several.png")
