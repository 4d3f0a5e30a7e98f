"""The temperature that makes probabilities mean what they say.

Probabilities are (N, 10) floats whose rows sum to 1, labels (N,) integers in 0–9. Empty sets raise ValueError.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

TEMPERATURES = (0.2, 5.0)  # a fit outside these means too few or too easy rows, not a better model
SMALLEST = float(np.finfo(np.float32).tiny)  # stands in for a probability that underflowed to 0


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature in [0.2, 5] that minimises the rows' negative log-likelihood.

    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017. Fit it on validation
    rows; which digit is predicted never changes, so the accuracy does not either.
    """
    require_rows(labels)
    low, high = (math.log(bound) for bound in TEMPERATURES)
    ratio = (math.sqrt(5) - 1) / 2

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(apply_temperature(probabilities, math.exp(log_temperature)), labels)

    # Golden-section search. The loss is convex in 1/T, so it has one minimum in log T too.
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
    return math.exp((low + high) / 2)


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """softmax(ln p / temperature), (N, 10) float64: above 1 softens, below 1 sharpens, 1 / T undoes T."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def negative_log_likelihood(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of −ln p(true digit), in nats."""
    require_rows(labels)
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(true, SMALLEST)).mean())


def require_rows(labels: NDArray[np.integer]) -> None:
    """ValueError when there is not a single row."""
    if len(labels) == 0:
        raise ValueError("no rows to evaluate")
