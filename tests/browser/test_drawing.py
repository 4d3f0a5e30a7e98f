"""The page in a real browser, on the real server: what is drawn is read."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.conftest import BLANK, Open, boxes, shares, text
from tests.browser.hand import (
    DIGITS,
    LOOKALIKES,
    beside,
    between,
    doubt,
    draw,
    expect,
    placed,
    settled,
    strokes,
)
from tests.handmade import bare_run
from tests.onnx_models import linear_model
from tests.serving import Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_digits_that_are_drawn_are_read(visit: Open) -> None:
    page = visit()
    for digit in range(10):
        draw(page, DIGITS[digit])
        assert settled(page) == str(digit)
        found = shares(page)
        assert int(np.argmax(found)) == digit
        assert sum(found) == pytest.approx(100, abs=0.6)
        widths: list[float] = page.evaluate(
            "[...document.querySelectorAll('.fill')].map(e => +e.style.getPropertyValue('--p'))"
        )
        assert [100 * width for width in widths] == pytest.approx(found, abs=0.06)
        assert page.inner_text("#status") == f"{page.locator('#bars .chance').nth(digit).inner_text()} sure"
        page.click("#clear")


@pytest.mark.parametrize(("numbers", "side"), [("17", 0.5), ("302", 0.34), ("7251\n03", 0.28)])
def test_digits_side_by_side_are_read(visit: Open, numbers: str, side: float) -> None:
    page = visit()
    draw(page, beside(numbers, side))
    assert text(page) == numbers
    count = len(numbers.replace("\n", ""))
    assert page.inner_text("#status") == f"{count}\xa0digits."
    spelled = ", ".join(" ".join(line) for line in numbers.split("\n"))
    expect(page.get_by_role("status")).to_have_text(f"{spelled}. {count}\xa0digits.")
    left, _, right, bottom = boxes(page)
    width = 0.8 * side * max(map(len, numbers.split("\n")))
    assert abs(left - (0.5 - width / 2)) < 0.35 * side
    assert abs(right - (0.5 + width / 2)) < 0.35 * side
    assert bottom < 0.5 + 0.5 * side * len(numbers.split("\n"))


def test_from_one_digit_to_several_and_back(visit: Open) -> None:
    page = visit()
    one, seven = beside("17", 0.5)
    draw(page, [one])
    assert settled(page) == "1"
    assert not page.is_visible("#lines")
    draw(page, [seven])
    assert text(page) == "17"
    page.click("#undo")
    assert settled(page) == "1"
    assert page.is_visible("#bars")
    assert not page.is_visible("#lines")
    page.keyboard.press("Delete")
    assert page.inner_text("#status") == BLANK


def test_the_text_is_copied(visit: Open) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    draw(page, beside("31\n2", 0.34))
    assert text(page) == "31\n2"
    page.click("#copy")
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "31\n2"
    page.evaluate("navigator.clipboard.writeText = () => Promise.reject(); 0")  # as where the page comes without https
    page.click("#copy")
    expect(page.locator("#copied")).to_have_text("Press Ctrl+C to copy.")
    assert page.evaluate("getSelection().toString().trim()") == "31\n2"


def test_doubtful_digits_are_marked(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context()
    with closing(context), served("--model", bare_run(tmp_path / "doubts", linear_model())) as server:
        page = context.new_page()
        _, seven, one = LOOKALIKES[0]
        for share in (0.6, 0.65, 0.7, 0.75, 0.8, 0.85):  # somewhere between the reader cannot be sure
            page.goto(server.url)
            draw(page, placed(between(seven, one, share), 0.05, 0.3, 0.45) + placed(DIGITS[7], 0.5, 0.3, 0.45))
            assert text(page)[1] == "7"
            if marked := page.locator("#lines .doubt").count():
                break
        assert marked == 1
        assert page.inner_text("#status") == "2\xa0digits, 1 of them doubtful."
        assert page.get_attribute("#answer", "data-look") == "unsure"


def test_the_bars_move_while_a_stroke_is_drawn(visit: Open) -> None:
    page = visit()
    box = page.locator("#paper").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"]
    page.mouse.move(x, y + 100)
    page.mouse.down()
    page.mouse.move(x, y + 400, steps=5)
    assert settled(page) == "1"
    page.mouse.move(x - 100, y + 420, steps=5)
    page.mouse.move(x - 130, y + 320, steps=5)
    page.mouse.move(x - 80, y + 250, steps=5)
    page.mouse.move(x, y + 280, steps=5)
    assert settled(page).strip("?") != "1"
    page.mouse.up()


def test_what_the_model_sees_is_shown(visit: Open, server: Served) -> None:
    page = visit()
    draw(page, strokes("50,20 50,80"))
    settled(page)
    seen: list[int] = page.evaluate(
        "[...document.getElementById('seen').getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    pixels = np.array(seen, np.uint8).reshape(28, 28, 4)[..., 0]
    assert 19 <= np.count_nonzero(pixels.max(axis=1) > 100) <= 21
    assert np.count_nonzero(pixels.max(axis=0) > 100) <= 5
    with server.client() as client:
        answer = client.post("/v1/digits", json={"pixels": pixels.tolist()}).json()
    assert [round(100 * share, 1) for share in answer["results"][0]["probabilities"]] == pytest.approx(
        shares(page), abs=0.1
    )


def test_undo_takes_one_stroke_back(visit: Open) -> None:
    page = visit()
    corner, line = DIGITS[4]
    draw(page, [line])
    assert settled(page) == "1"
    before = shares(page)
    draw(page, [corner])
    assert settled(page) == "4"
    page.click("#undo")
    assert settled(page) == "1"
    assert shares(page) == before
    draw(page, [corner])
    assert settled(page) == "4"
    page.keyboard.press("Control+z")
    page.keyboard.press("Backspace")
    assert page.inner_text("#status") == BLANK
    assert page.get_attribute("#undo", "aria-disabled") == "true"
    page.click("#undo", force=True)  # nothing to undo: nothing happens
    assert page.inner_text("#status") == BLANK


def test_clear_leaves_a_blank_page_and_can_be_undone(visit: Open) -> None:
    page = visit()
    draw(page, DIGITS[3])
    for way in ("#clear", "Delete", "Escape"):
        assert settled(page) == "3"
        page.click(way) if way.startswith("#") else page.keyboard.press(way)
        assert (page.inner_text("#digit"), page.inner_text("#status")) == ("–", BLANK)
        assert page.locator("#bars .chance").all_inner_texts() == [""] * 10
        assert page.is_visible("#hint")
        page.click("#undo")
    assert settled(page) == "3"


def test_a_screen_reader_gets_the_answer_after_a_pause(visit: Open) -> None:
    page = visit()
    draw(page, DIGITS[3])
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^3, \S+\s% sure\.$"))
    page.keyboard.press("Delete")
    expect(page.get_by_role("status")).to_have_text("The paper is blank.")


def test_a_dot_is_drawn(visit: Open) -> None:
    page = visit()
    page.click("#paper")
    assert settled(page) != "–"


def test_clearing_in_the_middle_of_a_stroke_ends_it(visit: Open) -> None:
    page = visit()
    page.hover("#paper")
    page.mouse.down()
    page.mouse.move(500, 500, steps=3)
    page.keyboard.press("Delete")
    page.mouse.move(400, 400, steps=3)
    page.mouse.up()
    assert page.inner_text("#status") == BLANK


def test_a_blank_page_asks_the_server_nothing(visit: Open) -> None:
    page = visit()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.click("#clear", force=True)
    page.keyboard.press("Backspace")
    page.wait_for_timeout(200)
    assert sent == []
    assert page.inner_text("#status") == BLANK


def test_a_doubtful_digit_is_shown_as_doubtful(visit: Open) -> None:
    page = visit()
    for digit in doubt(page):
        unsure = max(shares(page)) < 80
        assert digit.endswith("?") == unsure == page.inner_text("#status").startswith("Not sure: ")
    ranked = np.argsort(shares(page))[::-1]
    assert re.findall(r"(\d)\s\(", page.inner_text("#status")) == [str(each) for each in ranked[:2]]
