"""What a study proposes after ten trials and more."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdigit.tune.engine import EpochReport
from inkdigit.tune.results import TrialResult
from tests.tune.studies import EPOCHS, OWN, SPACE, TRIALS, loss, study, trained


def test_a_search_that_is_interrupted_at_every_trial_ends_as_an_unbroken_one(
    unbroken: list[TrialResult], tmp_path: Path
) -> None:
    for number in range(TRIALS):
        search = study(tmp_path)
        assert search.interrupted() == []
        if number % 2:  # between drawing a trial and writing its values down
            search.study.enqueue_trial(search._next_point(search._trials()))  # pyright: ignore[reportPrivateUsage]
            search.study.ask()
        else:  # in the middle of its training
            trained(search, search.ask(OWN), epochs=1)
        search = study(tmp_path)
        assert search.interrupted() == [number]
        trained(search, number)
    assert study(tmp_path).results() == unbroken


def test_trials_at_work_are_drawn_apart(tmp_path: Path) -> None:
    search = study(tmp_path)
    for _ in range(11):
        trained(search, search.ask(OWN))
    beside = [search.point(search.ask(OWN)) for _ in range(2)]
    assert beside[0] != beside[1]


def test_importance_needs_some_trials(unbroken: list[TrialResult], tmp_path: Path) -> None:
    search = study(tmp_path)
    assert search.importance() == {}
    for _ in range(10):
        number = search.ask(OWN)
        search.report(EpochReport(number, EPOCHS, loss(search.point(number), EPOCHS), 0.5, 1.0), last=True)
    assert set(search.importance()) == set(SPACE)
    assert sum(search.importance().values()) == pytest.approx(1)
