"""A model in 8-bit integers."""

from __future__ import annotations

import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.export.int8 import to_int8
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import ONNX_MODEL, SHIPPED_RUN
from tests.errors import refused


def test_in_eight_bits_a_model_is_smaller_and_predicts_the_same(real_digits: Dataset) -> None:
    model = (SHIPPED_RUN / ONNX_MODEL).read_bytes()
    small = to_int8(model, real_digits.images[:200])
    assert len(small) < len(model) / 2
    images = real_digits.images[3000:3500]
    assert (Recognizer(small).predict(images) == Recognizer(model).predict(images)).mean() > 0.98


def test_without_images_there_are_no_scales() -> None:
    with refused("images-missing"):
        to_int8(b"", np.empty((0, 28, 28), np.uint8))
    with refused("images-invalid", "(5, 28)"):
        to_int8(b"", np.empty((5, 28), np.uint8))
