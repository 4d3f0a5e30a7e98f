from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inkdigit.comparison.compare import Comparison, compare_runs
from inkdigit.comparison.page import write_comparison
from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from tests.conftest import part
from tests.handmade import make_run
from tests.report.conftest import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONG = "a run with a <long> name that costs $5 & goes on, goes on, goes on"


@pytest.fixture(scope="module")
def comparison(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("runs")
    scored = part(real_digits, slice(5000, 6000))
    many = make_run(folder / "many", part(real_digits, slice(5000)), scored)
    long = make_run(folder / LONG, part(real_digits, slice(800)), scored, epochs=3)
    third = make_run(folder / "third 数字", part(real_digits, slice(100, 4100)), scored, seed=3)
    return compare_runs([many, long, third])


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as matplotlib warns of names that its font cannot show
        return write_comparison(comparison, tmp_path_factory.mktemp("page"))


def test_a_page_and_a_sheet_for_each_pair(page: Path) -> None:
    names = {path.name for path in page.parent.iterdir()}
    assert names == {"comparison.html", "disagreements-2.png", "disagreements-3.png"}
    for name in names - {page.name}:
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")


def test_the_page_says_what_was_compared(comparison: Comparison, page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert comparison.rows in html
    assert "a run with a &lt;long&gt; name that costs $5 &amp; goes on" in html
    assert comparison.duels[1].verdict in html
    assert "<code>epochs</code>" in html
    assert "<script" not in html


def test_again_into_the_same_folder(comparison: Comparison, page: Path) -> None:
    before = page.read_bytes()
    page.write_text("an earlier page")
    assert write_comparison(comparison, page.parent) == page
    assert page.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(InkdigitError, match="a file"):
        write_comparison(comparison, tmp_path / "a file" / "page")


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_opens_in_a_browser_and_asks_for_nothing_else(page: Path, browser: Browser, width: int) -> None:
    seen = visit(browser, page, width)
    assert seen.complaints == []
    assert seen.requests == [page.as_uri()]
    assert len(seen.image_widths) == 2
    assert min(seen.image_widths) > 0
    assert seen.overflow == 0
