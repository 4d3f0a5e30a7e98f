"""Temperature scaling, which makes probabilities mean what they say.

The logits are divided by a temperature; of a network that learnt smoothed labels, what each then lacks to the highest
is raised to a power, since such a network is too sure of what is doubtful and not sure enough of what is clear, at any
temperature.

Probabilities are (N, 10) floats whose rows sum to 1, labels (N,) integers in 0–9. Empty sets raise ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SMOOTHED_LABELS_POWER = 1.3  # that power; chosen on validation rows, as 1 is for other networks (benchmarks/RESULTS.md)
TEMPERATURES = (0.2, 5.0)  # a fit outside these means too few or too easy rows, not a better model
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)  # stands in for a probability that underflowed to 0


class Calibration(NamedTuple):
    """What is done to the logits: divided by `temperature`, what each lacks to the highest raised to `power`."""

    temperature: float
    power: float


def calibration_of(manifest: Mapping[str, Any]) -> Calibration:
    """A run's."""
    return Calibration(manifest["temperature"], manifest.get("power", SMOOTHED_LABELS_POWER))


def fit_calibration(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], label_smoothing: float
) -> Calibration:
    """The calibration whose temperature, in [0.2, 5], minimises the rows' negative log-likelihood.

    label_smoothing: what the network learnt with.

    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017. Fit it on validation
    rows; which digit is predicted never changes, so the accuracy does not either.
    """
    require_rows(labels)
    power = SMOOTHED_LABELS_POWER if label_smoothing else 1.0
    low, high = (math.log(bound) for bound in TEMPERATURES)
    ratio = (math.sqrt(5) - 1) / 2

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(calibrate(probabilities, Calibration(math.exp(log_temperature), power)), labels)

    # Golden-section search. The loss is convex in T^-power, so it has one minimum in log T too.
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    loss_left, loss_right = loss(left), loss(right)
    while high - low > 1e-5:
        if loss_left < loss_right:
            high, right, loss_right = right, left, loss_left
            left = high - ratio * (high - low)
            loss_left = loss(left)
        else:
            low, left, loss_left = left, right, loss_right
            right = low + ratio * (high - low)
            loss_right = loss(right)
    return Calibration(math.exp((low + high) / 2), power)


def calibrate(probabilities: NDArray[np.floating], by: Calibration) -> NDArray[np.float64]:
    """What the probabilities become, (N, 10) float64. Which digit is the most probable never changes."""
    return _from_lacking((_lacking(probabilities) / by.temperature) ** by.power)


def uncalibrate(probabilities: NDArray[np.floating], by: Calibration) -> NDArray[np.float64]:
    """What they were before `calibrated`, (N, 10) float64."""
    return _from_lacking(_lacking(probabilities) ** (1 / by.power) * by.temperature)


def _lacking(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much lower each logit is than the highest."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST_PROBABILITY))
    return logits.max(axis=1, keepdims=True) - logits


def _from_lacking(lacking: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(-lacking)
    return powers / powers.sum(axis=1, keepdims=True)


def negative_log_likelihood(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of −ln p(true digit), in nats."""
    require_rows(labels)
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(true, SMALLEST_PROBABILITY)).mean())


def require_rows(labels: NDArray[np.integer]) -> None:
    """ValueError when there is not a single row."""
    if len(labels) == 0:
        raise ValueError("no rows to evaluate")
