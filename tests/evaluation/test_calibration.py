"""Temperature scaling."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from inkdigit.evaluation.calibration import (
    Calibration,
    calibrate,
    fit_calibration,
    negative_log_likelihood,
    uncalibrate,
)
from tests.evaluation.test_metrics import NO_LABELS, sharp_rows


def test_negative_log_likelihood():
    rows = np.concatenate([sharp_rows(0.9, [1]), sharp_rows(0.5, [2])])
    expected = -(np.log(0.9) + np.log(0.5)) / 2
    assert negative_log_likelihood(rows, np.array([1, 2])) == pytest.approx(expected, rel=1e-6)


def test_negative_log_likelihood_of_an_underflowed_probability_is_finite():
    assert np.isfinite(negative_log_likelihood(sharp_rows(1.0, [1]), np.array([2])))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 3.0])
@pytest.mark.parametrize(("label_smoothing", "power"), [(0.0, 1.0), (0.03, 1.3)])
def test_fit_finds_the_calibration_that_was_undone(temperature: float, label_smoothing: float, power: float):
    rng = np.random.default_rng(0)
    right = rng.dirichlet(np.full(10, 0.3), size=20_000)
    labels = (right.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    uncalibrated = uncalibrate(right, Calibration(temperature, power))
    assert fit_calibration(uncalibrated, labels, label_smoothing) == (pytest.approx(temperature, rel=0.03), power)


def test_the_temperature_stays_in_its_bounds():
    rows = sharp_rows(0.5, [1] * 50)
    assert fit_calibration(rows, np.full(50, 1), 0.03).temperature == pytest.approx(0.2, rel=1e-3)
    assert fit_calibration(rows, np.full(50, 2), 0.03).temperature == pytest.approx(5.0, rel=1e-3)


def test_a_power_lowers_doubtful_confidences_and_raises_clear_ones():
    doubtful, clear = sharp_rows(0.6, [3]), sharp_rows(0.99, [3])
    assert calibrate(doubtful, Calibration(1.3, 1.3))[0, 3] < 0.6
    assert calibrate(clear, Calibration(1.3, 1.3))[0, 3] > 0.99


def test_calibration_can_be_undone_and_keeps_every_prediction():
    rows = np.random.default_rng(1).dirichlet(np.full(10, 0.2), size=500)
    softer = calibrate(rows, Calibration(2.5, 1.3))
    assert softer.sum(axis=1) == pytest.approx(1)
    assert (softer.argmax(axis=1) == rows.argmax(axis=1)).all()
    assert uncalibrate(softer, Calibration(2.5, 1.3)) == pytest.approx(rows, abs=1e-9)


def test_probabilities_of_zero_and_one_are_calibrated():
    rows = calibrate(np.eye(10, dtype=np.float32), Calibration(2.0, 1.3))
    assert np.isfinite(rows).all()
    assert (rows.argmax(axis=1) == np.arange(10)).all()


@pytest.mark.parametrize("measure", [partial(fit_calibration, label_smoothing=0), negative_log_likelihood])
def test_nothing_to_calibrate_on_is_an_error(measure: Callable[..., object]):
    with pytest.raises(ValueError, match="no rows"):
        measure(np.zeros((0, 10), np.float32), NO_LABELS)
