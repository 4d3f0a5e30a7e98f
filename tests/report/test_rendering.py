from __future__ import annotations

import io

import pytest
from matplotlib.figure import Figure
from PIL import Image

from inkdigit.report.rendering import draw_pngs, format_count
from inkdigit.report.style import format_duration, format_probability, replace_missing_glyphs


def test_figures_become_pngs_of_at_most_256_colours() -> None:
    files = draw_pngs((name, Figure(figsize=(2, 1))) for name in ("one", "two"))
    assert list(files) == ["one.png", "two.png"]
    picture = Image.open(io.BytesIO(files["one.png"]))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (320, 160))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.25, "4.2 s"),
        (59.97, "1 min 00 s"),
        (252, "4 min 12 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12"), (999, "999"), (9_415_424, "9.42 M"), (317_000, "317 k"), (999_950, "1 M")]
)
def test_format_count(count: int, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(("p", "text"), [(0.9996, ">99.9 %"), (0.5, "50.0 %"), (0.0009, "<0.1 %")])
def test_format_probability(p: float, text: str) -> None:
    assert format_probability(p) == text


def test_characters_that_the_font_lacks_are_replaced() -> None:
    assert replace_missing_glyphs("run 数字 1") == "run ?? 1"
