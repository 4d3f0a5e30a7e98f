"""The page and its pictures, from two pairs of runs."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from markupsafe import escape

from inkdigit.comparison.page import write_comparison
from inkdigit.comparison.text import verdict
from tests.comparison.comparisons import compared, three_runs
from tests.errors import refused


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of characters that its font lacks
        return write_comparison(three_runs(), tmp_path_factory.mktemp("page"))


def test_a_page_and_a_picture_for_each_pair_are_written(page: Path) -> None:
    names = {path.name for path in page.parent.iterdir()}
    assert names == {"comparison.html", "disagreements-2.png", "disagreements-3.png"}
    for name in names - {page.name}:
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")


def test_the_page_has_every_figure(page: Path) -> None:
    html, comparison = page.read_text(encoding="utf-8"), three_runs()
    assert comparison.description in html
    assert "a run with a &lt;long&gt; name that costs $5 &amp; goes on" in html
    assert escape(verdict(comparison.tests[1])) in html
    assert "<code>epochs</code>" in html
    assert "&lt;3&gt;" in html
    assert "<script" not in html


def test_an_earlier_page_in_the_folder_is_replaced(page: Path, tmp_path: Path) -> None:
    (tmp_path / page.name).write_text("an earlier page")
    assert write_comparison(three_runs(), tmp_path) == tmp_path / page.name
    assert (tmp_path / page.name).read_bytes() == page.read_bytes()


def test_pictures_of_an_earlier_comparison_are_removed_and_no_other_file(tmp_path: Path) -> None:
    write_comparison(three_runs(), tmp_path)
    (tmp_path / "disagreements-4.png").write_bytes(b"mine")
    (tmp_path / "disagreements-5.png").write_bytes(b"")
    write_comparison(compared(range(4), range(9)), tmp_path)
    kept = {"comparison.html", "disagreements-2.png", "disagreements-4.png", "disagreements-5.png"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_runs_that_agree_have_no_picture(tmp_path: Path) -> None:
    write_comparison(compared(range(4), range(4)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.html"]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with refused("file-unwritable", "a file"):
        write_comparison(compared(range(4), range(9)), tmp_path / "a file" / "page")
