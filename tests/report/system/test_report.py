"""A report in a browser, and one whose drawing is killed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inkdigit.report import archive
from inkdigit.report.page import write_report
from inkdigit.runs.run import MANIFEST, read_run, read_verified
from tests.conftest import Command, RunAndKill
from tests.report.conftest import visit
from tests.report.runs import EVERY_FILE, NAME, keep, make_bare_report, make_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_the_page_opens_in_a_browser_and_loads_nothing_else(browser: Browser, tmp_path: Path) -> None:
    folder = keep(tmp_path / "run", make_report())
    write_report(folder, NAME, [])
    seen = visit(browser, folder / "report.html")
    assert seen.complaints == []
    assert seen.requests == [(folder / "report.html").as_uri()]
    assert len(seen.image_widths) == len(EVERY_FILE - {"report.html", "learning_curve.png"})
    assert min(seen.image_widths) > 0
    assert max(seen.overflows) == 0


def test_a_kill_while_it_is_drawn_again_leaves_a_whole_run(
    run_in_process: Command, run_and_kill: RunAndKill, tmp_path: Path
) -> None:
    folder = keep(tmp_path / "run", make_bare_report())
    write_report(folder, "run", [])
    before = (folder / MANIFEST).read_bytes()
    run_and_kill(MANIFEST, "report", folder)
    assert (folder / MANIFEST).read_bytes() == before
    done = run_in_process("report", folder)
    assert done.returncode == 0, done.stderr
    files = set(read_run(folder).manifest["files"])
    assert {archive.ARCHIVE, "report.html", "network.png"} <= files
    for name in files:
        assert read_verified(folder, name)
