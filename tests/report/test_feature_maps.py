from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from inkdigit.export.onnx import to_onnx
from inkdigit.export.onnx_graph import array
from inkdigit.report.feature_maps import MAX_MAPS, MAX_STAGES, convolutions
from inkdigit.training.averaging import average_models

IMAGE = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


def network(*middle: Any) -> keras.Model:
    """Layers on (28, 28, 1) images in [0, 1] between the pixels and the softmax."""
    scaled = [layers.Rescaling(1 / 255), layers.Reshape((28, 28, 1))]
    ends = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28), dtype="uint8"), *scaled, *middle, *ends])


def output(model: keras.Model, name: str) -> NDArray[np.float32]:
    """What Keras says that a layer makes of the image: (channels, height, width)."""
    value: Any = keras.Model(model.inputs, model.get_layer(name).output)([IMAGE[None]], training=False)
    return array(value)[0].transpose(2, 0, 1)


def test_filters_and_their_responses_are_those_of_keras():
    model = network(layers.Conv2D(7, (3, 5), name="first"), layers.ReLU())
    inner = convolutions(to_onnx(model), IMAGE)
    kernel = array(model.get_layer("first").kernel)
    assert np.array_equal(inner.filters, kernel[:, :, 0].transpose(2, 0, 1))
    np.testing.assert_allclose(inner.responses, output(model, "first"), atol=1e-5)
    assert inner.responses.min() < 0  # before activation


def test_a_stage_is_what_the_next_convolution_takes():
    model = network(
        layers.Conv2D(4, 3, name="one"),
        layers.MaxPooling2D(2),
        layers.BatchNormalization(),
        layers.ReLU(name="end_of_one"),
        layers.SeparableConv2D(20, 3, activation="relu", name="two"),
        layers.Dropout(0.3),
        layers.Conv2D(3, 3, padding="same", name="three"),
        layers.GlobalAveragePooling2D(keepdims=True),
    )
    one, two, three = convolutions(to_onnx(model), IMAGE).stages
    assert (one.layer, one.channels, two.layer, two.channels, three.layer) == ("one", 4, "two", 20, "three")
    np.testing.assert_allclose(one.maps, output(model, "end_of_one"), atol=1e-5)
    assert two.maps.shape == (MAX_MAPS, 11, 11)
    everything = output(model, "two")
    shown = [int(np.abs(everything - values).max(axis=(1, 2)).argmin()) for values in two.maps]
    assert shown == sorted(np.argsort(-everything.std(axis=(1, 2)))[:MAX_MAPS].tolist())
    np.testing.assert_allclose(three.maps, output(model, "three"), atol=1e-5)


def test_a_model_that_does_not_convolve_has_nothing_to_show():
    inner = convolutions(to_onnx(network(layers.Flatten(), layers.Dense(12))), IMAGE)
    assert len(inner.filters) == len(inner.stages) == 0


def test_filters_that_do_not_lie_on_the_image_are_left_out():
    inner = convolutions(to_onnx(network(layers.Conv2D(6, 1), layers.Conv2D(5, 3))), IMAGE)
    assert inner.filters.shape == (6, 1, 1)
    pixels = keras.Input((28, 28), dtype="uint8")
    grey = layers.Reshape((28, 28, 1))(layers.Rescaling(1 / 255)(pixels))
    maps = layers.Conv2D(5, 3, name="on_three")(layers.Concatenate()([grey, grey, grey]))
    answers = layers.Dense(10, activation="softmax")(layers.Flatten()(maps))
    inner = convolutions(to_onnx(keras.Model(pixels, answers)), IMAGE)
    assert len(inner.filters) == 0
    assert [stage.layer for stage in inner.stages] == ["on_three"]


def test_of_cross_validated_networks_the_first_is_shown():
    models = [network(layers.Conv2D(3, 3, name=f"{fold}1"), layers.Conv2D(3, 3, name=f"{fold}2")) for fold in "ab"]
    inner = convolutions(to_onnx(average_models(models)), IMAGE)
    assert [stage.layer for stage in inner.stages] == ["a1", "a2"]


@pytest.mark.parametrize("depth", [MAX_STAGES, 11])
def test_a_deep_network_shows_first_last_and_some_between(depth: int):
    convolved = [layers.Conv2D(2, 3, padding="same", name=f"conv_{number}") for number in range(depth)]
    names = [stage.layer for stage in convolutions(to_onnx(network(*convolved)), IMAGE).stages]
    assert len(names) == MAX_STAGES
    assert (names[0], names[-1]) == ("conv_0", f"conv_{depth - 1}")
