"""The exponential moving average of a model's weights."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

EMA_INTERVAL = 8  # steps between two updates: as good as every step, at an eighth of the cost


class WeightEMA:
    """The running average of all of a model's weights, batch-norm statistics included (Polyak and Juditsky, 1992).

    Attributes:
        decay: of a step, from 0 (the average is the last weights) to less than 1.
        weights: the average; empty before the first update.
    """

    def __init__(self, decay: float):
        self.decay = decay
        self.weights: list[NDArray[np.float32]] = []

    def update(self, model: keras.Model, step: int) -> None:
        """Take in the model's weights at this step. Call it every EMA_INTERVAL steps."""
        if not self.decay:
            return
        now = model.get_weights()
        # The decay is small at first, since the average must not keep the random weights of the beginning.
        decay = min(self.decay, step / (step + 50)) ** EMA_INTERVAL
        self.weights = [decay * old + (1 - decay) * new for old, new in zip(self.weights or now, now, strict=True)]

    @contextmanager
    def applied(self, model: keras.Model) -> Generator[None]:
        """Give the model the averaged weights while the block runs."""
        kept = model.get_weights()
        model.set_weights(self.weights or kept)
        yield
        model.set_weights(kept)
