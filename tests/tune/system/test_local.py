"""Processes that train trials, without a search."""

from __future__ import annotations

import os

import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.training.config import Settings, with_values
from inkdigit.tune import local
from inkdigit.tune.engine import EpochReport, TrialData, TrialEnded
from tests.conftest import part

MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
LARGE = {"filters": "4096", "padding": "same", "dense": 65536}  # 196 GiB of weights
SMALL = {"filters": "4", "dense": 0, "epochs": 5}


@pytest.mark.skipif(not 0 < MEMORY < 150 << 30, reason="a network too large for any memory would fit into this one")
def test_a_network_too_large_fails_and_the_next_trial_is_trained_until_it_is_stopped(real_digits: Dataset) -> None:
    data = TrialData(part(real_digits, slice(500)), part(real_digits, slice(500, 800)))
    with local.open_runner(data, 1) as runner:
        runner.start(0, with_values(Settings(), LARGE, "here"))
        (failed,) = runner.wait(None)
        assert isinstance(failed, TrialEnded)
        assert failed.error
        runner.start(1, with_values(Settings(), SMALL, "here"))
        for epoch in (1, 2):
            (reported,) = runner.wait(None)
            assert isinstance(reported, EpochReport)
            assert (reported.number, reported.epoch) == (1, epoch)
            assert 0 < reported.loss < 2.31  # a guess's is ln 10: no temperature makes it worse than that
            runner.decide(1, go_on=epoch < 2)
        assert runner.wait(None) == [TrialEnded(1)]
