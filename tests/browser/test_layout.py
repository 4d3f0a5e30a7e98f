"""The page fits every window, and everybody can use it: by keyboard, by finger, with a screen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import BLANK, PHONE, Open, text, violations
from tests.browser.hand import (
    DIGITS,
    Stroke,
    beside,
    draw,
    expect,
    settled,
    touch,
)
from tests.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Page


def test_the_keyboard_alone_reaches_everything_and_draws(visit: Open) -> None:
    page = visit()
    reached: list[str] = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        outline: str = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert reached == ["API", "paper", "undo", "clear", "choose"]
    page.focus("#paper")
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")  # the pen is up
    assert settled(page) == "1"
    page.focus("#clear")
    page.keyboard.press("Enter")
    assert page.inner_text("#status") == BLANK


def test_a_finger_draws_on_a_phone_and_the_page_stays(visit: Open) -> None:
    page = visit(**PHONE)
    page.evaluate("document.body.style.minHeight = '200vh'")  # so that there is something to scroll
    for digit in (1, 7):
        touch(page, DIGITS[digit])
        assert settled(page) == str(digit)
        assert page.evaluate("scrollY") == 0
        page.tap("#clear")
        expect(page.locator("#hint")).to_be_visible()
    below: Stroke = [(0.5, 1.9), (0.5, 1.2), (0.5, 0.9)]
    touch(page, [below])
    page.wait_for_function("() => scrollY > 0")  # beside the paper it does scroll
    assert page.is_visible("#hint")


WINDOWS: dict[bool, list[tuple[int, int]]] = {
    True: [(390, 844), (390, 664), (320, 568), (844, 390), (820, 1180)],
    False: [(1180, 820), (900, 700), (1024, 600), (1920, 1080)],
}


@pytest.mark.parametrize("has_touch", WINDOWS, ids=["touch", "mouse"])
def test_paper_and_answer_fit_the_window(visit: Open, has_touch: bool) -> None:
    page = visit(has_touch=has_touch)
    for width, height in WINDOWS[has_touch]:
        page.set_viewport_size({"width": width, "height": height})
        draw(page, DIGITS[8])
        assert settled(page) == "8"
        parts = ("#paper", "#undo", "#choose", "#digit", "#status", "#seen", "#bars", "#model")
        paper, *_, bars, model = check_inside(page, parts, width, height)
        assert paper["width"] == paper["height"] >= 180
        assert bars["y"] + bars["height"] <= model["y"]
        page.click("#clear")
        draw(page, beside("111\n11", 0.28), steps=1)  # of few points: the page reads at each of them
        text(page)
        check_inside(page, ("#lines", "#copy", "#model"), width, height)
        page.click("#clear")


def check_inside(page: Page, parts: tuple[str, ...], width: int, height: int) -> list[FloatRect]:
    """Check that parts of the page lie inside the window, and that nothing scrolls sideways; the parts' boxes."""
    boxes = [box for part in parts if (box := page.locator(part).bounding_box())]
    assert len(boxes) == len(parts)
    for box in boxes:
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") == width
    return boxes


LOOKS = [("light", {}), ("dark", PHONE)]


@pytest.mark.parametrize(("scheme", "device"), LOOKS, ids=["light desktop", "dark phone"])
def test_axe_finds_no_barrier_in_any_state(visit: Open, scheme: str, device: dict[str, Any]) -> None:
    """axe-core checks the page blank, with a digit, with lines, and with an error."""
    page = visit(color_scheme=scheme, reduced_motion="reduce", **device)
    assert violations(page) == []
    draw(page, DIGITS[2])
    settled(page)
    assert violations(page) == []
    page.click("#clear")
    draw(page, beside("31\n2", 0.34))
    text(page)
    assert violations(page) == []
    page.set_input_files("#picture", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"seven"})
    expect(page.locator("#answer")).to_have_attribute("data-look", "wrong")
    assert violations(page) == []
    assert page.evaluate("getComputedStyle(document.querySelector('.fill')).transitionProperty") == "none"


@pytest.mark.parametrize(("scheme", "device"), LOOKS, ids=["light desktop", "dark phone"])
def test_the_whole_api_is_described(visit: Open, server: Served, scheme: str, device: dict[str, Any]) -> None:
    page = visit("/docs", color_scheme=scheme, **device)
    expect(page.locator("h1")).to_contain_text("Inkdigit API")
    with server.client() as client:
        api = client.get("/openapi.json").json()
    operations = [f"{method.upper()} {path}" for path, item in api["paths"].items() for method in item]
    names: list[str] = page.eval_on_selector_all("article", "all => all.map(each => each.getAttribute('aria-label'))")
    assert sorted(names) == sorted(operations + list(api.get("components", {}).get("schemas", {})))
    links: list[str] = page.eval_on_selector_all("a[href^='#']", "all => all.map(each => each.hash.slice(1))")
    assert [link for link in links if page.locator(f"[id='{link}']").count() != 1] == []
    page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
