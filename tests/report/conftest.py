"""A visit to a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class Visit(NamedTuple):
    """What a browser made of a page; overflow: by how many pixels it is wider than the window."""

    complaints: list[str]
    requests: list[str]
    image_widths: list[int]
    overflow: int


def visit(browser: Browser, page: Path, width: int) -> Visit:
    """Open a page in a window of that width, all its images decoded."""
    tab = browser.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page.as_uri())
    widths: list[int] = tab.evaluate(
        "Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))"
    )
    overflow: int = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    tab.close()
    return Visit(complaints, [url for url in requests if not url.startswith("data:")], widths, overflow)
