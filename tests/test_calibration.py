from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from inkdigit.calibration import apply_temperature, fit_temperature, negative_log_likelihood
from tests.test_evaluation import NOBODY, sharp_rows


def test_negative_log_likelihood():
    rows = np.concatenate([sharp_rows(0.9, [1]), sharp_rows(0.5, [2])])
    expected = -(np.log(0.9) + np.log(0.5)) / 2
    assert negative_log_likelihood(rows, np.array([1, 2])) == pytest.approx(expected, rel=1e-6)


def test_negative_log_likelihood_of_an_underflowed_probability_is_finite():
    assert np.isfinite(negative_log_likelihood(sharp_rows(1.0, [1]), np.array([2])))


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 1.7, 3.0])
def test_fit_temperature_recovers_the_one_that_spoilt_calibrated_rows(true_temperature: float):
    rng = np.random.default_rng(0)
    calibrated = apply_temperature(rng.dirichlet(np.full(10, 0.3), size=20_000), 1.0)
    labels = (calibrated.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    overconfident = apply_temperature(calibrated, 1 / true_temperature)
    assert fit_temperature(overconfident, labels) == pytest.approx(true_temperature, rel=0.03)


def test_fit_temperature_stays_in_its_bounds():
    rows = sharp_rows(0.9, [1] * 50)
    assert fit_temperature(rows, np.full(50, 1)) == pytest.approx(0.2, rel=1e-3)
    assert fit_temperature(rows, np.full(50, 2)) == pytest.approx(5.0, rel=1e-3)


def test_apply_temperature_undoes_itself_and_keeps_every_answer():
    rows = np.random.default_rng(1).dirichlet(np.full(10, 0.2), size=500)
    softer = apply_temperature(rows, 2.5)
    assert softer.sum(axis=1) == pytest.approx(1)
    assert (softer.argmax(axis=1) == rows.argmax(axis=1)).all()
    assert apply_temperature(softer, 1 / 2.5) == pytest.approx(rows, abs=1e-9)


def test_apply_temperature_takes_a_zero():
    rows = apply_temperature(np.eye(10, dtype=np.float32), 2.0)
    assert np.isfinite(rows).all()
    assert (rows.argmax(axis=1) == np.arange(10)).all()


@pytest.mark.parametrize("measure", [fit_temperature, negative_log_likelihood])
def test_nothing_to_calibrate_on_is_an_error(measure: Callable[..., float]):
    with pytest.raises(ValueError, match="no rows"):
        measure(np.zeros((0, 10), np.float32), NOBODY)
