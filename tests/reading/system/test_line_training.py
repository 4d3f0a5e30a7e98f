"""The network of the line reader answers alike in Keras and in ONNX Runtime, whatever a strip's width."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from inkdigit.reading.line_model import train
from inkdigit.reading.line_model.network import build, to_onnx
from inkdigit.reading.line_model.train import Phase, Training


@pytest.mark.parametrize("width", [64, 200])
def test_onnx_runtime_answers_as_keras_does(width: int) -> None:
    model = build(128)
    rng = np.random.default_rng(0)
    model.set_weights([weight + rng.normal(0, 0.05, weight.shape) ** 2 for weight in model.get_weights()])
    strips = rng.integers(0, 256, (2, 48, width), np.uint8)
    wider = build(width)
    wider.set_weights(model.get_weights())
    expected = np.asarray(wider((strips / np.float32(255))[..., None], training=False))[:, 0].transpose(0, 2, 1)
    session = onnxruntime.InferenceSession(to_onnx(model))
    (answered,) = session.run(["columns"], {"strips": strips})
    assert answered == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_a_training_resumes_after_its_last_finished_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "PHASES", (Phase(2, 3e-3, 64, 0), Phase(1, 1e-3, 16, 32)))
    monkeypatch.setattr(train, "EPOCHS", 3)
    broken = Training(tmp_path, seed=0)
    epochs = broken.run()
    first = next(epochs)
    second = next(epochs)
    epochs.close()  # as a kill does, before the second epoch is saved
    resumed = list(Training(tmp_path, seed=0).run())
    assert first[0] == 0
    assert [epoch for epoch, _ in resumed] == [1, 2]
    assert resumed[0][1] == pytest.approx(second[1], rel=0.05)
    assert resumed[-1][1] < first[1]
