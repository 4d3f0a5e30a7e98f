"""A hand that draws digits on the page with a mouse or a finger, drops files, and waits for the answer.

A stroke is a curve through its points, (x, y) in units of the paper's side.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Point = tuple[float, float]
Stroke = list[Point]


def strokes(text: str) -> list[Stroke]:
    """Strokes written as `x,y x,y … / x,y …` in hundredths of the side."""
    pairs = [[point.split(",") for point in stroke.split()] for stroke in text.split("/")]
    return [[(int(x) / 100, int(y) / 100) for x, y in stroke] for stroke in pairs]


DIGITS = [
    strokes("53,20 37,30 31,52 38,73 52,80 65,70 70,48 64,28 52,20"),
    strokes("44,30 54,20 52,50 50,80"),
    strokes("34,34 42,22 56,20 65,30 61,45 47,63 33,78 50,77 70,77"),
    strokes("34,26 48,19 62,27 59,40 46,47 62,54 66,68 52,80 34,75"),
    strokes("44,20 38,36 32,54 50,54 70,52 / 61,30 59,56 56,82"),
    strokes("42,22 40,34 38,46 52,43 65,54 64,70 50,80 34,76 / 42,22 55,22 68,20"),
    strokes("60,20 46,33 37,52 37,70 49,80 62,71 61,58 50,54 39,64"),
    strokes("30,25 48,24 69,24 61,42 53,60 47,80"),
    strokes("62,30 50,20 38,30 47,45 60,56 64,70 50,80 37,70 42,55 57,43 62,30"),
    strokes("64,34 52,21 39,29 39,43 50,49 61,42 65,30 63,50 59,66 55,82"),
]


def beside(text: str, side: float = 0.34) -> list[Stroke]:
    """The strokes of several digits beside each other, in lines as in the text. side: a digit's paper, of the whole."""
    lines = text.split("\n")
    drawn: list[Stroke] = []
    for row, line in enumerate(lines):
        for place, digit in enumerate(line):
            left = 0.5 + 0.8 * side * (place - len(line) / 2) - 0.1 * side
            drawn += placed(DIGITS[int(digit)], left, 0.5 + 0.9 * side * (row - len(lines) / 2), side)
    return drawn


def placed(strokes: list[Stroke], left: float, top: float, side: float) -> list[Stroke]:
    """Strokes on a smaller paper somewhere on the paper."""
    return [[(left + side * x, top + side * y) for x, y in stroke] for stroke in strokes]


# Strokes that bend into other strokes, and the digit that they are before they do.
LOOKALIKES = [
    ("7", strokes("28,22 70,22 58,50 48,80"), strokes("48,22 52,20 51,50 50,80")),
    (
        "4",
        strokes("42,20 38,36 36,48 52,52 64,48 / 64,24 62,52 58,82"),
        strokes("62,22 42,22 36,40 50,52 64,40 / 64,24 62,52 58,82"),
    ),
]


def curve(stroke: Stroke, steps: int = 2) -> Stroke:
    """Points on the Catmull-Rom spline through a stroke's own, `steps` from each to the next."""
    points = np.array([stroke[0], *stroke, stroke[-1]])
    curved: Stroke = [stroke[0]]
    for i in range(len(stroke) - 1):
        before, start, end, after = points[i : i + 4]
        for t in np.linspace(0, 1, steps + 1)[1:]:
            bend = (2 * before - 5 * start + 4 * end - after) * t**2 + (3 * (start - end) + after - before) * t**3
            x, y = start + (end - before) * t / 2 + bend / 2
            curved.append((float(x), float(y)))
    return curved


def on_screen(page: Page, stroke: Stroke, steps: int = 2) -> Stroke:
    """A stroke's curve in the window's pixels."""
    box = page.locator("#paper").bounding_box()
    assert box
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in curve(stroke, steps)]


def draw(page: Page, strokes: list[Stroke], steps: int = 2) -> None:
    """Draw with the mouse, which stops `steps` times from each point of a stroke to the next."""
    for stroke in strokes:
        (start, *points) = on_screen(page, stroke, steps)
        page.mouse.move(*start)
        page.mouse.down()
        for point in points:
            page.mouse.move(*point)
        page.mouse.up()


def touch(page: Page, strokes: list[Stroke]) -> None:
    """Draw with a finger."""
    finger = page.context.new_cdp_session(page)

    def send(kind: str, *points: Point) -> None:
        touches: list[dict[str, Any]] = [{"x": x, "y": y} for x, y in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    for stroke in strokes:
        (start, *points) = on_screen(page, stroke)
        send("touchStart", start)
        for point in points:
            send("touchMove", point)
        send("touchEnd")


def expect(locator: Locator) -> Any:
    """Playwright's waiting assertions; imported late, for they are not there where the browser tests are skipped."""
    from playwright.sync_api import expect

    return expect(locator)


def settled(page: Page) -> str:
    """The digit that the page shows once it has read what is on the paper."""
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    return page.inner_text("#digit")


def doubt(page: Page) -> Iterator[str]:
    """Draw between two digits, by bisection, until the page is not sure; yields what it shows each time.

    If one digit turns into the other without doubt between them, the next two digits are tried.
    """
    for name, one, other in LOOKALIKES:
        low, high = 0.0, 1.0
        unsure: list[float] = []
        for _ in range(8):
            middle = (low + high) / 2
            page.click("#clear", force=True)
            draw(page, between(one, other, middle))
            digit = settled(page)
            yield digit
            unsure += [middle] if digit.endswith("?") else []
            low, high = (middle, high) if digit == name else (low, middle)
        if unsure:
            page.click("#clear")
            draw(page, between(one, other, unsure[0]))
            yield settled(page)
            return
    raise AssertionError("the page is sure of everything between digits that look alike")


def between(one: list[Stroke], other: list[Stroke], share: float) -> list[Stroke]:
    """Strokes that are `share` of the way from one digit to another of as many strokes and points."""
    return [
        [(x + share * (u - x), y + share * (v - y)) for (x, y), (u, v) in zip(first, second, strict=True)]
        for first, second in zip(one, other, strict=True)
    ]


def drop(page: Page, path: Path) -> None:
    """Drag a file over the page, which says so, and drop it."""
    hand = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    expect(page.locator("#drop")).to_be_visible()
    hand.send("Input.dispatchDragEvent", {"type": "drop", "x": 300, "y": 300, "data": data})
