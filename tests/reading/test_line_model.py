"""The network of the line reader answers alike in Keras and in ONNX Runtime, whatever a strip's width."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.reading.line_model import train
from inkdigit.reading.line_model.network import build, to_onnx
from inkdigit.reading.line_model.samples import synthesize_strip
from inkdigit.reading.line_model.spec import BOX, BOX_UNIT, DIGITS
from inkdigit.reading.line_model.train import Phase, Training, targets


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


def test_a_column_in_the_middle_of_a_digit_is_asked_for_it_and_its_box(real_digits: Dataset) -> None:
    strip = synthesize_strip(real_digits, 224, np.random.default_rng(3))
    wanted = targets(strip)
    for label, (left, top, right, bottom) in zip(strip.labels, strip.boxes, strict=True):
        column = round((left + right) / 4 - 0.5)
        near = wanted[max(column - 1, 0) : column + 2]
        best = near[near[:, 0].argmax()]
        middle = (max(column - 1, 0) + near[:, 0].argmax() + 0.5) * 2
        assert best[0] == 1
        if best[DIGITS].argmax() == label:  # or a neighbour's middle is as near
            sides = best[BOX] * BOX_UNIT
            assert (middle - sides[0], 24 - sides[1]) == pytest.approx((left, top), abs=2.1)
            assert (middle + sides[2], 24 + sides[3]) == pytest.approx((right, bottom), abs=2.1)


def test_a_training_goes_on_from_its_last_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
