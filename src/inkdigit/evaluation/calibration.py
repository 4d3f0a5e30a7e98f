"""Temperature scaling: of the images predicted with a probability of 90 %, 90 % should be right.

Each logit's distance to the highest one is divided by a temperature. Of a network trained on smoothed labels, the
distance is then raised to a power, since such a network is overconfident about doubtful images and underconfident about
clear ones, at any temperature.

Probabilities are (N, 10) floats whose rows sum to 1, labels (N,) integers in 0–9. Empty sets raise ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SMOOTHED_LABELS_POWER = 1.3  # chosen on validation rows, as was 1 for other networks (benchmarks/RESULTS.md)
TEMPERATURE_RANGE = (0.2, 5.0)  # a fit outside it means too few or too easy rows, not a better model
MIN_PROBABILITY = float(np.finfo(np.float32).tiny)  # replaces a probability that underflowed to 0


class Calibration(NamedTuple):
    """How probabilities are calibrated.

    Attributes:
        temperature: divides each logit's distance to the highest one.
        power: exponent of that distance.
    """

    temperature: float
    power: float


def calibration_of(manifest: Mapping[str, Any]) -> Calibration:
    """Return the calibration of a run, from its manifest."""
    return Calibration(manifest["temperature"], manifest.get("power", SMOOTHED_LABELS_POWER))


def fit_calibration(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], label_smoothing: float
) -> Calibration:
    """Find the temperature that minimises the rows' negative log-likelihood.

    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017. The digit predicted never
    changes, so the accuracy does not either.

    Args:
        probabilities: (N, 10), the network's own, of validation rows.
        labels: (N,) integers.
        label_smoothing: the share of smoothing that the network was trained with.

    Returns:
        The calibration, its temperature in [0.2, 5].

    Raises:
        ValueError: there are no rows.
    """
    require_rows(labels)
    power = SMOOTHED_LABELS_POWER if label_smoothing else 1.0
    low, high = (math.log(bound) for bound in TEMPERATURE_RANGE)
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


def calibrate(probabilities: NDArray[np.floating], calibration: Calibration) -> NDArray[np.float64]:
    """Apply a calibration; return (N, 10) float64. The most probable digit never changes."""
    return _softmax_of_gaps((_logit_gaps(probabilities) / calibration.temperature) ** calibration.power)


def uncalibrate(probabilities: NDArray[np.floating], calibration: Calibration) -> NDArray[np.float64]:
    """Return the probabilities before `calibrate`, (N, 10) float64."""
    return _softmax_of_gaps(_logit_gaps(probabilities) ** (1 / calibration.power) * calibration.temperature)


def _logit_gaps(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much lower each logit is than the highest of its row."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), MIN_PROBABILITY))
    return logits.max(axis=1, keepdims=True) - logits


def _softmax_of_gaps(gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of logits that are lower than the highest by these gaps."""
    powers = np.exp(-gaps)
    return powers / powers.sum(axis=1, keepdims=True)


def negative_log_likelihood(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Return the mean of −ln p(true digit), in nats."""
    require_rows(labels)
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(true, MIN_PROBABILITY)).mean())


def require_rows(labels: NDArray[np.integer]) -> None:
    """Raise ValueError where there are no rows."""
    if len(labels) == 0:
        raise ValueError("no rows to evaluate")
