"""The page in a real browser, on the real server: what is drawn, dropped, pasted or photographed is read."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from inkdigit.data.dataset import Dataset
from tests.browser.hand import (
    DIGITS,
    LOOKALIKES,
    Stroke,
    beside,
    between,
    doubt,
    draw,
    expect,
    placed,
    settled,
    strokes,
    touch,
)
from tests.handmade import bare_run
from tests.onnx_models import linear_model, slow_model
from tests.pages import file
from tests.pages import page as digits_page
from tests.serving import Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
BLANK = "The answer appears here, stroke by stroke."
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def server() -> Generator[Served]:
    with served() as server:
        yield server


@pytest.fixture(scope="module")
def desktop(browser: Browser) -> Generator[BrowserContext]:
    """A browser as it comes. To open one more takes Chromium a second, to open one more tab in it a third of that."""
    with closing(browser.new_context()) as context:
        yield context


@pytest.fixture
def visit(browser: Browser, desktop: BrowserContext, server: Served) -> Generator[Open]:
    """Opens the page in a tab, with options in a browser of its own.

    When the test is done, nothing was complained of or asked of others.
    """
    complaints: list[str] = []
    asked: list[str] = []

    def visit(path: str = "/", **options: Any) -> Page:
        page = (browser.new_context(**options) if options else desktop).new_page()
        page.on("console", lambda message: complaints.append(f"{message.text} {message.location}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.url + path)
        pages.append(page)
        return page

    pages: list[Page] = []
    yield visit
    for page in pages:
        (page if page.context == desktop else page.context).close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []


def shares(page: Page) -> list[float]:
    """The ten percentages on the page."""
    return [float(text.strip(">\xa0%") or "nan") for text in page.locator("#bars .chance").all_inner_texts()]


def picture(image: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """A 28x28 digit as a file of dark ink on paper, 280x280."""
    stream = io.BytesIO()
    Image.fromarray(255 - image).resize((280, 280), Image.Resampling.BICUBIC).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def seven(real_digits: Dataset) -> bytes:
    """A picture of a 7 of MNIST."""
    return picture(real_digits.images[real_digits.required_labels == 7][0])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_that_is_drawn_is_read(visit: Open, digit: int) -> None:
    page = visit()
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


@pytest.mark.parametrize("way", ["#clear", "Delete", "Escape"])
def test_clear_leaves_a_blank_page_and_can_be_undone(visit: Open, way: str) -> None:
    page = visit()
    draw(page, DIGITS[3])
    assert settled(page) == "3"
    page.click(way) if way.startswith("#") else page.keyboard.press(way)
    assert (page.inner_text("#digit"), page.inner_text("#status")) == ("–", BLANK)
    assert page.locator("#bars .chance").all_inner_texts() == [""] * 10
    assert page.is_visible("#hint")
    page.click("#undo")
    assert settled(page) == "3"


def test_a_screen_reader_is_told_once_it_is_quiet(visit: Open) -> None:
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


def test_doubt_is_called_doubt(visit: Open) -> None:
    page = visit()
    for digit in doubt(page):
        unsure = max(shares(page)) < 80
        assert digit.endswith("?") == unsure == page.inner_text("#status").startswith("Not sure: ")
    ranked = np.argsort(shares(page))[::-1]
    assert re.findall(r"(\d)\s\(", page.inner_text("#status")) == [str(each) for each in ranked[:2]]


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


def drop(page: Page, path: Path) -> None:
    """Drag a file over the page, which says so, and drop it."""
    hand = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    expect(page.locator("#drop")).to_be_visible()
    hand.send("Input.dispatchDragEvent", {"type": "drop", "x": 300, "y": 300, "data": data})


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


@pytest.mark.parametrize("ink", [0, 255], ids=["dark", "bright"])
def test_what_is_transparent_stays_transparent(visit: Open, real_digits: Dataset, ink: int) -> None:
    """Laid on black or on white, ink of that colour would be gone."""
    seven = real_digits.images[real_digits.required_labels == 7][0]  # pyright: ignore[reportArgumentType]
    drawn = Image.new("LA", (280, 280), (ink, 0))
    drawn.putalpha(Image.fromarray(seven).resize((280, 280), Image.Resampling.BICUBIC))
    stream = io.BytesIO()
    drawn.save(stream, "PNG")
    page = visit()
    page.set_input_files("#picture", {"name": "7.png", "mimeType": "image/png", "buffer": stream.getvalue()})
    assert settled(page) == "7"


def test_what_the_browser_cannot_decode_is_said(visit: Open) -> None:
    page = visit()
    draw(page, DIGITS[5])
    assert settled(page) == "5"
    page.set_input_files("#picture", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"seven"})
    expect(page.locator("#status")).to_have_text(
        "This browser cannot open notes.txt as a picture. Save it as PNG or JPEG and try again."
    )
    draw(page, [[(0.5, 0.5), (0.5, 0.6)]])  # the drawing is still there to go on with
    settled(page)
    assert "sure" in page.inner_text("#status")


def test_a_picture_without_ink_is_answered_with_the_reason(visit: Open) -> None:
    page = visit()
    white = picture(np.zeros((28, 28), np.uint8))
    page.set_input_files("#picture", {"name": "white.png", "mimeType": "image/png", "buffer": white})
    assert settled(page) == "–"
    assert "no ink" in page.inner_text("#status")
    assert not page.is_visible("#hint")


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


SIZES = [
    (390, 844),
    (390, 664),
    (320, 568),
    (844, 390),
    (820, 1180),
    (1180, 820),
    (900, 700),
    (1024, 600),
    (1920, 1080),
]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_paper_and_answer_fit_the_window(visit: Open, width: int, height: int) -> None:
    page = visit(viewport={"width": width, "height": height}, has_touch=width < 900)
    draw(page, DIGITS[8])
    assert settled(page) == "8"
    parts = [
        page.locator(part) for part in ("#paper", "#undo", "#choose", "#digit", "#status", "#seen", "#bars", "#model")
    ]
    boxes = [box for part in parts if (box := part.bounding_box())]
    assert len(boxes) == len(parts)
    for box in boxes:
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    paper, *_, bars, model = boxes
    assert paper["width"] == paper["height"] >= 180
    assert bars["y"] + bars["height"] <= model["y"]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.click("#clear")
    draw(page, beside("1171\n17", 0.28), steps=1)  # of few points: at each the page reads
    text(page)
    for part in ("#lines", "#copy", "#model"):
        box = page.locator(part).bounding_box()
        assert box
        assert box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_drawing_outlives_the_server(browser: Browser) -> None:
    context = browser.new_context()
    with closing(context), served() as first:
        page = context.new_page()
        page.goto(first.url)
        first.process.kill()
        first.process.wait()
        draw(page, DIGITS[6])
        expect(page.locator("#status")).to_have_text(
            "The server does not answer. The drawing is kept, and tried again by itself."
        )
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
        expect(page.locator("#status")).to_have_text("The server is busy. It is tried again by itself.")
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
        expect(page.locator("#status")).to_have_text("This server wants an API key.")
        for wrong in ("sesame", "schlüssel", "  "):
            page.get_by_label("API key").fill(wrong)
            page.keyboard.press("Enter")
            expect(page.locator("#status")).to_have_text("This key is not accepted. Try another.")
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


def test_what_the_server_refuses_is_shown_in_its_words(browser: Browser, rng: np.random.Generator) -> None:
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_nothing_is_in_the_way_of_anybody(visit: Open, scheme: str, device: dict[str, Any]) -> None:
    """axe-core finds no violation, in whatever state the page is."""
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_api_is_described_whole(visit: Open, server: Served, scheme: str, device: dict[str, Any]) -> None:
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


def violations(page: Page) -> list[str]:
    """What axe-core has against the page as it is."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]
