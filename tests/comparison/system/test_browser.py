from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inkdigit.comparison.page import write_comparison
from tests.comparison.comparisons import three_runs
from tests.report.conftest import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_the_page_opens_in_a_browser_and_loads_nothing_else(browser: Browser, tmp_path: Path) -> None:
    page = write_comparison(three_runs(), tmp_path)
    seen = visit(browser, page)
    assert seen.complaints == []
    assert seen.requests == [page.as_uri()]
    assert len(seen.image_widths) == 2
    assert min(seen.image_widths) > 0
    assert max(seen.overflows) == 0
