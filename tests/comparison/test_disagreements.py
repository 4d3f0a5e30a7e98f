"""The picture of two runs' disagreements."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from matplotlib import rc_context

from inkdigit.comparison.disagreements import MAX_DISAGREEMENTS, disagreements
from inkdigit.report.style import STYLE
from tests.comparison.comparisons import compared


def captions(*misread: range) -> list[str]:
    """The texts in the picture."""
    comparison = compared(*misread)
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = disagreements(comparison, comparison.tests[0])
    (axes,) = figure.axes
    return [text.get_text() for text in axes.texts]


def test_each_image_has_both_predictions_with_their_probabilities() -> None:
    found = captions(range(3, 4), range(0))
    assert found == ["Only b is right: 1", "✓ 3 · 91.0 %", "✗ 4 · 91.0 %"]


def test_at_most_24_images_of_each_run_are_drawn() -> None:
    found = captions(range(40), range(50, 53))
    assert found[0] == "Only a is right: 3"
    assert found[7] == f"Only b is right: 40, the {MAX_DISAGREEMENTS} most confident"
    assert len(found) == 2 + 2 * 3 + 2 * MAX_DISAGREEMENTS


@pytest.mark.parametrize("rows", [1, 7, 24])
def test_every_image_lies_inside_the_picture(rows: int) -> None:
    comparison = compared(range(rows), range(rows, 2 * rows))
    figure = disagreements(comparison, comparison.tests[0])
    (axes,) = figure.axes
    bottom = axes.get_ylim()[0]
    assert len(axes.images) == 2 * rows
    assert max(np.max(image.get_extent()[2:]) for image in axes.images) < bottom
