from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inkdigit.training.config import Settings
from inkdigit.tune import space
from inkdigit.tune.page import write_page
from inkdigit.tune.results import SearchResult, TrialResult
from inkdigit.tune.space import Domain, Range, Space, Value
from tests.report.conftest import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SPACE = space.default(Settings())


def some_value(domain: Domain, number: int) -> Value:
    """Some value of a setting, another for each number."""
    part = number * 0.618 % 1
    return (
        domain[int(part * len(domain))] if isinstance(domain, tuple) else domain.low + part * (domain.high - domain.low)
    )


def trial_result(number: int, searched: Space) -> TrialResult:
    """A trial; every third is stopped early."""
    curve = [1 / epoch + 0.01 * ((number + 3) % 5) for epoch in range(1, 7)][: 3 if number % 3 == 2 else None]
    state = "pruned" if number % 3 == 2 else "complete"
    point = {name: some_value(domain, number) for name, domain in searched.items()}
    return TrialResult(number, state, point, curve, curve[-1], 0.98, 70.0, "")


def search_result(searched: Space, count: int) -> SearchResult:
    start = space.base_point(searched, Settings())
    trials = [
        replace(trial_result(0, searched), point=start),
        *(trial_result(number, searched) for number in range(1, count)),
    ]
    failed = TrialResult(
        count, "failed", start, [], None, None, None, "The memory does not suffice for <this> network."
    )
    unfinished = TrialResult(count + 1, "unfinished", start, [0.5], None, None, None, "")
    importance = {name: 2.0**-place for place, name in enumerate(searched)} if count > 10 else {}
    settings = replace(Settings(), epochs=6, training_rows=2000)
    trials += [failed, unfinished]
    return SearchResult(
        Settings(), settings, searched, trials, importance, "4,200 rows of <mine>", Path("my <rows>.csv")
    )


@pytest.fixture(scope="module", params=["many", "few"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a search <with> a name $5")
    few: Space = {"dropout": Range(0.0, 0.6)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_page(search_result(SPACE, 30) if request.param == "many" else search_result(few, 1), folder)
    return folder / "report.html"


def test_the_page_says_what_was_found(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert "4,200 rows of &lt;mine&gt;" in html
    assert "for &lt;this&gt; network" in html
    assert "inkdigit train --train &#39;my &lt;rows&gt;.csv&#39; --config" in html
    assert "the trials took 6 epochs of 2,000 rows" in " ".join(html.split())
    assert "unfinished" in html
    assert "<script" not in html
    many = "Which settings matter" in html
    assert ("were not beaten" in html) == (not many)
    assert f"{1 / 6 if many else 1 / 6 + 0.03:.4f} <small>nats" in html


def test_the_page_opens_in_a_browser_and_asks_for_nothing_else(page: Path, browser: Browser) -> None:
    seen = visit(browser, page)
    assert seen.complaints == []
    assert seen.requests == [page.as_uri()]
    assert len(seen.image_widths) in {2, 3}
    assert min(seen.image_widths) > 0
    assert max(seen.overflows) == 0


def test_losses_of_0_can_be_drawn(tmp_path: Path) -> None:
    found = search_result(SPACE, 4)
    perfect = [replace(trial, loss=trial.loss and 1e-12, curve=[1.0, 1e-12]) for trial in found.trials]
    write_page(replace(found, trials=perfect), tmp_path)
    assert "0.0000 <small>nats" in (tmp_path / "report.html").read_text(encoding="utf-8")
