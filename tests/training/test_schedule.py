"""The learning rate at each step, and the number of steps."""

from __future__ import annotations

import pytest

from inkdigit.training.config import Settings, preset
from inkdigit.training.schedule import learning_rate, steps_per_epoch


def test_one_cycle_rises_then_falls_to_a_thousandth() -> None:
    rates = [learning_rate(step, 100, Settings(learning_rate=1.0, warm_up=0.2)) for step in range(100)]
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates.index(max(rates)) in {19, 20}
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_a_constant_rate_stays() -> None:
    assert learning_rate(77, 100, preset("article")) == 1e-3


@pytest.mark.parametrize("warm_up", [0.0, 1.0])
def test_a_cycle_without_rise_or_fall_has_a_rate_at_every_step(warm_up: float) -> None:
    rates = [learning_rate(step, 10, Settings(learning_rate=1.0, warm_up=warm_up)) for step in range(10)]
    assert all(0 < rate <= 1.001 for rate in rates)


@pytest.mark.parametrize(("rows", "steps"), [(1000, 7), (1024, 8), (1023, 7), (128, 1), (50, 1)])
def test_an_epoch_has_full_batches_only_and_at_least_one(rows: int, steps: int) -> None:
    assert steps_per_epoch(rows, Settings(batch_size=128)) == steps
