"""Muon's step, beside Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from inkdigit.training.optimizers import ConvMuon


@pytest.mark.parametrize("shape", [(288, 128), (72, 96), (40, 40)])
@pytest.mark.parametrize("weakest", [1, 1e-2, 1e-5])
def test_orthogonalises_as_keras_does(rng: np.random.Generator, shape: tuple[int, int], weakest: float) -> None:
    u, _, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    strengths = np.geomspace(1, weakest, min(shape))
    matrix = keras.ops.convert_to_tensor((1e-4 * (u * strengths) @ v).astype(np.float32))
    ours = np.array(ConvMuon(0.01).zeropower_via_newtonschulz5(matrix, 5))
    theirs = np.array(keras.optimizers.Muon(0.01).zeropower_via_newtonschulz5(matrix, 5))
    assert ours == pytest.approx(theirs, abs=2e-3)
    assert np.linalg.norm(ours, 2) == pytest.approx(1, abs=0.35)
