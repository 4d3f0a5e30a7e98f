from __future__ import annotations

import numpy as np

from inkdigit.recognizer import Recognizer
from inkdigit.report.occlusion import SQUARE_SIZE, occlude
from tests.onnx_models import linear_model

# Ink in the left half speaks for 3 and in the right half for 5; above row 6 it says nothing.
WEIGHTS = np.zeros((28, 28, 10), np.float32)
WEIGHTS[6:, :14, 3] = WEIGHTS[6:, 14:, 5] = 1e-4

STROKES = np.zeros((28, 28), np.uint8)
STROKES[10:20, 4:8] = 255  # for 3
STROKES[10:15, 22:24] = 255  # for 5
STROKES[0:2, 10:20] = 255  # for nothing


def test_ink_that_speaks_for_the_digit_read_is_told_from_ink_against_it():
    found = occlude(Recognizer(linear_model(WEIGHTS.reshape(784, 10))), STROKES[None])
    (losses,) = found.losses
    assert found.read.tolist() == [3]
    assert losses[10:20, 4:8].min() > 0
    assert losses[11:14, 22:24].max() < 0
    assert np.allclose(losses[:2], 0, atol=1e-6)  # ink there, which moves nothing
    assert np.allclose(losses[:, 8 + SQUARE_SIZE : 22 - SQUARE_SIZE], 0, atol=1e-6)  # no square there reaches a stroke
    assert found.lowest[0] < found.before[0]


def test_every_pixel_can_be_rubbed_out_up_to_the_border():
    corners = np.zeros((4, 28, 28), np.uint8)
    for image, (y, x) in zip(corners, ((0, 0), (0, 27), (27, 0), (27, 27)), strict=True):
        image[y, x] = 255
    weights = np.zeros((784, 10), np.float32)
    weights[:, 8] = 0.01
    found = occlude(Recognizer(linear_model(weights)), corners)
    assert found.losses[[0, 1, 2, 3], [0, 0, 27, 27], [0, 27, 0, 27]].min() > 1
    assert np.allclose(found.lowest, 0.1)


def test_no_images_are_no_error():
    found = occlude(Recognizer(linear_model()), np.zeros((0, 28, 28), np.uint8))
    assert found.losses.shape == (0, 28, 28)
