"""The page in a real browser, and what it shows."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from tests.browser.hand import (
    expect,
)
from tests.serving import Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
BLANK = "The answer appears here, stroke by stroke."
Open = Callable[..., "Page"]


@pytest.fixture(scope="session")
def server() -> Generator[Served]:
    """The model that ships."""
    with served() as server:
        yield server


@pytest.fixture(scope="session")
def desktop(browser: Browser) -> Generator[BrowserContext]:
    """One browser profile for most tests: to open another takes Chromium a second, a tab takes a third of that."""
    with closing(browser.new_context()) as context:
        yield context


@pytest.fixture
def visit(browser: Browser, desktop: BrowserContext, server: Served) -> Generator[Open]:
    """Opens the page in a tab; with options, in a browser profile of its own.

    After the test, the page must have logged nothing, and sent no request to another server.
    """
    logged: list[str] = []
    requested: list[str] = []

    def visit(path: str = "/", **options: Any) -> Page:
        page = (browser.new_context(**options) if options else desktop).new_page()
        page.on("console", lambda message: logged.append(f"{message.text} {message.location}"))
        page.on("pageerror", lambda error: logged.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(server.url + path)
        pages.append(page)
        return page

    pages: list[Page] = []
    yield visit
    for page in pages:
        (page if page.context == desktop else page.context).close()
    assert logged == []
    assert [url for url in requested if not url.startswith((server.url, "data:"))] == []


def shares(page: Page) -> list[float]:
    """The ten percentages on the page."""
    return [float(text.strip(">\xa0%") or "nan") for text in page.locator("#bars .chance").all_inner_texts()]


def text(page: Page) -> str:
    """The lines that the page shows once it has read what is on the paper; it shows no single digit then."""
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#answer")).to_have_attribute("data-shows", "lines")
    assert not page.is_visible("#bars")
    assert not page.is_visible("#digit")
    return page.inner_text("#lines")


def boxes(page: Page) -> list[float]:
    """What encloses all boxes on the paper: left, top, right, bottom in units of its side."""
    accent: str = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent')")
    found: list[float] = page.evaluate(
        """accent => {  // here rather than in Python: millions of numbers take seconds on their way
            const paper = document.getElementById("paper"), side = paper.width;
            const { data } = paper.getContext("2d").getImageData(0, 0, side, side);
            let [left, top, right, bottom] = [side, side, -1, -1];
            for (let i = 0; i < side * side; i++)
                if (accent.every((part, channel) => Math.abs(data[4 * i + channel] - part) < 12)) {
                    const x = i % side, y = Math.floor(i / side);
                    [left, top] = [Math.min(left, x), Math.min(top, y)];
                    [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
                }
            return [left, top, right, bottom].map(pixel => pixel / side);
        }""",
        list(ImageColor.getrgb(accent)[:3]),
    )
    assert found[2] >= 0
    return found


def picture(image: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """A 28x28 digit as a file of dark ink on paper, 280x280."""
    stream = io.BytesIO()
    Image.fromarray(255 - image).resize((280, 280), Image.Resampling.BICUBIC).save(stream, kind, **options)
    return stream.getvalue()


def violations(page: Page) -> list[str]:
    """What axe-core has against the page as it is."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]
