"""The average of a model's weights. It asks of a model only to give and take its weights, so Keras is not needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.training.ema import EMA_INTERVAL, WeightEMA


class Model:
    """Two weights."""

    def __init__(self, *values: float) -> None:
        self.weights = [np.full(2, value, np.float32) for value in values]

    def get_weights(self) -> list[NDArray[np.float32]]:
        return self.weights

    def set_weights(self, weights: list[NDArray[np.float32]]) -> None:
        self.weights = weights


def update(ema: WeightEMA, model: Any, step: int) -> list[float]:
    ema.update(model, step)
    return [float(weight[0]) for weight in ema.weights]


def test_each_update_moves_the_average_by_the_decay_of_the_steps_between() -> None:
    ema = WeightEMA(0.9)
    assert update(ema, Model(1, 5), 10_000) == [1, 5]
    kept = 0.9**EMA_INTERVAL
    assert update(ema, Model(3, 5), 10_008) == [pytest.approx(3 - 2 * kept), pytest.approx(5)]


def test_the_first_weights_are_soon_forgotten() -> None:
    ema = WeightEMA(0.9999)
    update(ema, Model(1000), 0)
    for step in range(EMA_INTERVAL, 400, EMA_INTERVAL):
        update(ema, Model(1), step)
    assert update(ema, Model(1), 400)[0] == pytest.approx(1, abs=0.1)


def test_the_model_has_the_average_inside_the_block_only() -> None:
    ema, model = WeightEMA(0.5), Model(1, 2)
    before = [weight.copy() for weight in model.weights]
    update(ema, Model(7, 9), 0)
    with ema.applied(model):  # pyright: ignore[reportArgumentType]
        assert [weight[0] for weight in model.weights] == [7, 9]
    np.testing.assert_array_equal(model.weights, before)


def test_without_decay_the_last_weights_are_the_average() -> None:
    ema, model = WeightEMA(0), Model(4)
    assert update(ema, model, 0) == []
    with ema.applied(model):  # pyright: ignore[reportArgumentType]
        assert model.weights[0][0] == 4
