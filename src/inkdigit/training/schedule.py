"""How many steps a training takes, and the learning rate at each."""

from __future__ import annotations

import math

from inkdigit.training.config import Settings


def learning_rate(step: int, steps: int, settings: Settings) -> float:
    """Give the learning rate at a step of `steps`.

    It is constant, or one cycle (Smith, 2018): a linear rise, then half a cosine down to a thousandth.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    rise = settings.warm_up * steps
    if step < rise:
        return settings.learning_rate * (step + 1) / rise
    return settings.learning_rate * (0.5 + 0.5 * math.cos(math.pi * (step - rise) / (steps - rise)) + 1e-3)


def steps_per_epoch(rows: int, settings: Settings) -> int:
    """Count the batches in an epoch. Rows that do not fill a batch are left to the shuffle of another epoch."""
    return max(rows // settings.batch_size, 1)
