"""The page of doubtful fields, in a real browser: what a person corrects is in the table that it saves."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from inkdigit.forms import csv_table, review
from inkdigit.forms.decode import Choice
from inkdigit.forms.reader import Answer, Form
from inkdigit.forms.template import DIGITS, Field, Rule, Template

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

YEAR = Field("year", (10, 10, 40, 9), Rule((frozenset("12"), DIGITS, DIGITS, DIGITS)))
NOTE = Field("note", (10, 30, 40, 9), optional=True)
FORM = Template((100, 60), None, (YEAR, NOTE))
EVIL = "</script><img src=x onerror=alert(1)>&\"',.jpg"


def png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (300, 80), "white").save(content, "PNG")
    return content.getvalue()


def filled(file: str, year: Choice, note: Choice) -> Form:
    answers = [Answer(YEAR, year), Answer(NOTE, note)]
    return Form(Path(file), tuple(Answer(a.field, a.choice, png() if a.doubtful else b"") for a in answers))


FORMS = [
    filled("one.jpg", Choice("1969", 0.99), Choice("", 1.0)),
    filled(EVIL, Choice("1984", 0.6, (("1934", 0.3), ("1989", 0.05))), Choice("12", 0.97)),
    Form(Path("bad.jpg"), error="bad.jpg is <b>no</b> picture."),
    filled("two.jpg", Choice("9070", 0.0, problem="does not fit the pattern"), Choice("7", 0.2)),
]


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Generator[Page]:
    """The page of FORMS; it asks for nothing and complains of nothing."""
    review.write(tmp_path / "review.html", FORMS, FORM, "answers.csv")
    said: list[str] = []
    page = browser.new_context(accept_downloads=True).new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else said.append(request.url),
    )
    page.goto((tmp_path / "review.html").as_uri())
    yield page
    page.context.close()
    assert said == []


def saved(page: Page) -> list[list[str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save corrected table").click()
    assert download.value.suggested_filename == "answers.csv"
    return list(csv.reader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"), newline="")))


def test_it_shows_only_what_is_doubtful(page: Page) -> None:
    assert page.get_by_role("heading", level=1).inner_text() == "3 fields to look at"
    assert "4 pictures, 3 read. Of 6 fields 3 are sure" in page.inner_text("header")
    fields = page.locator(".doubt")
    assert fields.count() == 3
    assert fields.locator("input").evaluate_all("all => all.map(one => one.value)") == ["1984", "9070", "7"]
    assert fields.nth(0).locator("h2").inner_text().replace("\n", "").endswith(EVIL)
    assert fields.nth(0).locator(".others button").all_inner_texts() == ["1934 30.0 %", "1989 5.0 %"]
    assert fields.nth(1).locator(".note").inner_text() == "does not fit the pattern"
    assert page.locator(".failed li").all_inner_texts() == ["bad.jpg is <b>no</b> picture."]
    sizes = page.locator(".doubt img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert sizes == [300] * 3


def test_untouched_it_saves_the_table_as_it_was(page: Page, tmp_path: Path) -> None:
    csv_table.write(tmp_path / "answers.csv", FORMS, FORM)
    with (tmp_path / "answers.csv").open(encoding="utf-8", newline="") as file:
        assert saved(page) == list(csv.reader(file))


def test_a_correction_is_saved_with_full_confidence(page: Page) -> None:
    first, second, third = page.locator(".doubt").all()
    first.get_by_role("button", name="1934").click()
    first.locator("input").press("Enter")
    assert second.locator("input").evaluate("one => one === document.activeElement")
    second.locator("input").fill("2070")
    third.locator("input").fill("=1+1")
    assert page.locator("#count").inner_text() == "3 of 3 looked at"
    rows = saved(page)
    assert rows[2][1:5] == ["1934", "1.0000", "12", "0.9700"]
    assert rows[4][1:5] == ["2070", "1.0000", "'=1+1", "1.0000"]
    assert rows[1][1:5] == ["1969", "0.9900", "", "1.0000"]


def test_an_answer_that_is_confirmed_gets_full_confidence(page: Page) -> None:
    page.locator(".doubt").nth(0).get_by_role("button", name="Right").click()
    assert saved(page)[2][1:3] == ["1984", "1.0000"]


def test_a_correction_that_does_not_fit_the_pattern_is_marked(page: Page) -> None:
    year, note = page.locator(".doubt").nth(0), page.locator(".doubt").nth(2)
    for text, note_text in [
        ("3000", "does not fit the pattern"),
        ("200", "does not fit the pattern"),
        ("2000", "looked at"),
    ]:
        year.locator("input").fill(text)
        assert year.locator(".note").inner_text() == note_text
    note.locator("input").fill("")
    assert note.locator(".note").inner_text() == "left empty"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(page: Page, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = axe.run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_the_page_says_so_where_nothing_is_doubtful(browser: Browser, tmp_path: Path) -> None:
    review.write(tmp_path / "review.html", FORMS[:1], FORM, "answers.csv")
    page = browser.new_page()
    page.goto((tmp_path / "review.html").as_uri())
    assert page.get_by_role("heading", level=1).inner_text() == "Nothing is doubtful"
    assert not page.get_by_role("button").count()
    page.close()


def test_the_page_is_one_file_without_requests() -> None:
    text = review.page(FORMS, FORM, "answers.csv")
    assert re.findall(r"https?:|src=(?!\"data:|x onerror)|@import|url\(", text) == []
    assert "<img src=x" not in text
    assert base64.b64encode(png()).decode() in text
    assert text.count("</script>") == 2
