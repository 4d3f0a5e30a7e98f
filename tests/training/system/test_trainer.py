"""Short trainings, of which a figure in a report would not betray that a part fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.training.config import Settings
from inkdigit.training.model import build
from inkdigit.training.trainer import Trainer, predict
from tests.conftest import part

TINY = Settings(filters=((8,), (16,), (16,)), dense=0, epochs=1, batch_size=64)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "learning_rate": 0.01, "precision": "mixed_bfloat16"},
        {"optimizer": "adamw", "learning_rate": 0.01},
        {"optimizer": "muon"},
    ],
)
def test_a_few_steps_of_every_optimizer_are_enough_to_be_used(real_digits: Dataset, changes: dict[str, Any]) -> None:
    """Batch-norm statistics start far from the truth: a short training must not be scored, or kept, with those."""
    keras.utils.set_random_seed(0)
    trainer = Trainer(build, part(real_digits, slice(2048)), replace(TINY, **changes))
    losses = [trainer.step(step, *batch)[0] for step, batch in enumerate(trainer.batches(0))]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.2
    others = part(real_digits, slice(2048, 3048))
    kept = trainer.result()
    assert (predict(kept, others.images).argmax(1) == others.required_labels).mean() > 0.6
    assert trainer.score(others)[1] > 0.6
    trained_in = "bfloat16" if changes.get("precision") else "float32"
    assert trained_in in {layer.compute_dtype for layer in trainer.model.layers}
    assert {layer.compute_dtype for layer in kept.layers if layer.weights} == {"float32"}
