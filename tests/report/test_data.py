from __future__ import annotations

import numpy as np

from inkdigit.report.data import pick_samples
from tests.report.runs import drawn_digits, make_scored


def test_samples_are_spread_over_the_rows_and_counted():
    labels = np.array([3] * 100 + [8] * 5)
    digits = drawn_digits(labels)
    digits.images[:, 0, 0] = np.arange(105)
    samples = pick_samples(digits)
    assert samples.counts.tolist() == [0, 0, 0, 100, 0, 0, 0, 0, 5, 0]
    assert samples.images[3, :, 0, 0].tolist() == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]
    assert samples.images[8, :5, 0, 0].tolist() == [100, 101, 102, 103, 104]
    assert not samples.images[8, 5:].any()


def test_scored_rows_keep_the_pictures_that_are_shown():
    scored = make_scored(mistakes=9)
    assert sorted(scored.mistakes.rows.tolist()) == list(range(9))
    assert len(scored.typical.rows) == len(scored.strange.rows) == 100
    assert set(range(9)) <= set(scored.strange.rows.tolist())
    assert scored.labels[scored.occluded.rows[:10]].tolist() == list(range(10))
    assert scored.occluded.rows[10:].tolist() == scored.mistakes.rows[:5].tolist()
    for shown in (scored.mistakes, scored.typical, scored.strange, scored.occluded):
        assert np.array_equal(shown.images, drawn_digits(scored.labels).images[shown.rows])
    assert scored.evaluation.correct == 1991
