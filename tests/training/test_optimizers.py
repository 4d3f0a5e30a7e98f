"""Muon's step, compared with Keras's own; and a Keras whose Muon is another one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from inkdigit.training.config import Settings
from inkdigit.training.optimizers import MUON_ATTRIBUTES, MUON_METHODS, ConvMuon, build_optimizer, require_muon
from tests.errors import refused


@pytest.mark.parametrize("shape", [(288, 128), (72, 96), (40, 40)])
@pytest.mark.parametrize("weakest", [1, 1e-5])
def test_orthogonalises_as_keras_does(rng: np.random.Generator, shape: tuple[int, int], weakest: float) -> None:
    u, _, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    strengths = np.geomspace(1, weakest, min(shape))
    matrix = keras.ops.convert_to_tensor((1e-4 * (u * strengths) @ v).astype(np.float32))
    ours = np.array(ConvMuon(0.01).zeropower_via_newtonschulz5(matrix, 5))
    theirs = np.array(keras.optimizers.Muon(0.01).zeropower_via_newtonschulz5(matrix, 5))
    assert ours == pytest.approx(theirs, abs=2e-3)
    assert np.linalg.norm(ours, 2) == pytest.approx(1, abs=0.35)


def test_each_setting_gives_its_optimizer() -> None:
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "muon": ConvMuon}
    for name, kind in kinds.items():
        optimizer = build_optimizer(Settings(optimizer=name, learning_rate=0.5, weight_decay=0.125))  # pyright: ignore
        assert type(optimizer) is kind
        assert float(optimizer.learning_rate) == 0.5
        assert optimizer.weight_decay == (None if name == "adam" else 0.125)


def test_the_installed_keras_has_the_muon_that_is_needed() -> None:
    require_muon()


@pytest.mark.parametrize("name", MUON_METHODS)
def test_a_muon_without_a_method_is_refused(name: str) -> None:
    changed = type("Muon", (keras.optimizers.Muon,), {name: None})
    with refused("keras-unsupported", keras.__version__, name):
        require_muon(changed)


def test_another_muon_is_refused() -> None:
    with refused("keras-unsupported", *MUON_METHODS):
        require_muon(type("Muon", (), {}))
    methods: dict[str, Any] = {**dict.fromkeys(MUON_METHODS, print)}
    with refused("keras-unsupported", *MUON_ATTRIBUTES):
        require_muon(type("Muon", (), methods))


class ReadableMuon(ConvMuon):
    """Says which optimizer updates a variable."""

    def updates_by_adamw(self, shape: tuple[int, ...]) -> bool:
        return self._should_use_adamw(keras.Variable(np.zeros(shape, np.float32)))


def test_only_inner_convolutions_get_orthogonal_steps() -> None:
    by_adamw = {(3, 3, 1, 8): True, (3, 3, 8, 16): False, (100, 10): True, (16,): True}
    assert {shape: ReadableMuon(0.01).updates_by_adamw(shape) for shape in by_adamw} == by_adamw
