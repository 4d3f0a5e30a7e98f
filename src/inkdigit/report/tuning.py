"""A search -> its pictures and one self-contained HTML page."""

from pathlib import Path

from inkdigit.tune.outcome import Outcome

REPORT = "report.html"


def write_search(outcome: Outcome, folder: Path) -> None:
    """Todo."""
