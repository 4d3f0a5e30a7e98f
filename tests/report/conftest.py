"""A visit to a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTHS = (390, 1200)  # pixels: a phone's window and a desktop's


class Visit(NamedTuple):
    """What a browser reports about a page.

    Attributes:
        complaints: Messages on the console, and errors.
        requests: Addresses that were loaded.
        image_widths: Width of each image in pixels.
        overflows: By how many pixels the page is wider than each window of WIDTHS.
    """

    complaints: list[str]
    requests: list[str]
    image_widths: list[int]
    overflows: list[int]


def visit(browser: Browser, page: Path) -> Visit:
    """Open a page, wait for all its images, and resize the window to each of WIDTHS."""
    tab = browser.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page.as_uri())
    widths: list[int] = tab.evaluate(
        "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))"
    )
    overflows: list[int] = []
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        overflows.append(tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
    tab.close()
    return Visit(complaints, [url for url in requests if not url.startswith("data:")], widths, overflows)
