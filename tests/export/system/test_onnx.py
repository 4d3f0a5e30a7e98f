"""Every layer that converts, compared with Keras itself; and every model that must not be exported."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from numpy.typing import NDArray
from onnx import numpy_helper

from inkdigit.evaluation.calibration import Calibration, calibrate
from inkdigit.export import onnx as exporting
from inkdigit.export.onnx import export_onnx, parity, to_onnx
from inkdigit.export.onnx_activations import ACTIVATIONS
from inkdigit.recognizer import Recognizer
from tests.errors import refused


def scribbles(count: int) -> NDArray[np.uint8]:
    """Images with the look of digits: one soft bright stroke on black, (count, 28, 28) uint8."""
    rng = np.random.default_rng(7)
    images = np.zeros((count, 28, 28))
    turns = rng.normal(0, 0.5, (count, 40)).cumsum(axis=1) + rng.uniform(0, 6, (count, 1))
    rows = np.clip(14 + np.cumsum(np.sin(turns), axis=1), 4, 23).astype(int)
    columns = np.clip(14 + np.cumsum(np.cos(turns), axis=1), 4, 23).astype(int)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            np.add.at(images, (np.arange(count)[:, None], rows + down, columns + right), 60)
    return np.minimum(images, 255).astype(np.uint8)


IMAGES = scribbles(48)


def shake(model: keras.Model) -> keras.Model:
    """Give every weight a random value, batch statistics included: an untrained one hides many mistakes."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if "variance" in weight.path:
            weight.assign(rng.uniform(0.5, 2, shape))
        elif weight.path.endswith("kernel"):
            weight.assign(rng.normal(0, 2 / np.sqrt(np.prod(shape[:-1])), shape))
        elif "seed_generator" not in weight.path:
            weight.assign(rng.normal(0.1, 0.5, shape))
    return model


def classifier(*middle: Any) -> keras.Model:
    """Layers on (28, 28, 1) images in [0, 1] between the pixels and the softmax."""
    scaled = [layers.Rescaling(1 / 255), layers.Reshape((28, 28, 1))]
    ends = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return shake(keras.Sequential([keras.Input((28, 28), dtype="uint8"), *scaled, *middle, *ends]))


def conv(filters: int = 4, kernel: Any = 3, **options: Any) -> Any:
    return layers.Conv2D(filters, kernel, **options)


def listed(*values: float) -> Any:
    """A list where Keras takes one but its annotations say a single number."""
    return list(values)


LAYERS: dict[str, Callable[[], list[Any]]] = {
    "convolution, valid": lambda: [conv()],
    "convolution, same, even kernel": lambda: [conv(4, 4, padding="same")],
    "convolution, same, stride": lambda: [conv(4, 3, padding="same", strides=2, use_bias=False)],
    "convolution, same, uneven": lambda: [conv(4, (2, 5), padding="same", strides=(3, 3))],
    "convolution, valid, stride": lambda: [conv(4, 5, strides=(2, 2), activation="relu")],
    "convolution, dilation": lambda: [conv(4, 3, padding="same", dilation_rate=(2, 3))],
    "convolution, groups": lambda: [conv(4), conv(6, 3, groups=2)],
    "depthwise": lambda: [
        conv(3),
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="tanh"),
        layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False),
        layers.DepthwiseConv2D(2, dilation_rate=2),
    ],
    "separable": lambda: [
        conv(3),
        layers.SeparableConv2D(5, 3, depth_multiplier=2, strides=2, padding="same", activation="relu"),
        layers.SeparableConv2D(4, 3, use_bias=False, dilation_rate=2),
    ],
    "batch norm": lambda: [conv(), layers.BatchNormalization(), layers.ReLU()],
    "batch norm after pooling": lambda: [
        conv(),
        layers.MaxPooling2D(),
        layers.BatchNormalization(epsilon=0.1),
    ],
    "batch norm, bare": lambda: [conv(), layers.BatchNormalization(center=False, scale=False)],
    "batch norm, dense": lambda: [layers.Flatten(), layers.Dense(8), layers.BatchNormalization()],
    "batch norm, sequence": lambda: [layers.Reshape((28, 28)), layers.BatchNormalization(axis=2)],
    "layer norm": lambda: [conv(), layers.LayerNormalization(epsilon=0.01)],
    "layer norm, bare": lambda: [layers.Flatten(), layers.LayerNormalization(center=False, scale=False)],
    "layer norm, all axes": lambda: [conv(2, strides=5), layers.LayerNormalization(axis=listed(1, 2, 3))],
    "max pooling": lambda: [
        conv(),
        layers.MaxPooling2D(3, strides=2),
        layers.MaxPooling2D(2, padding="same"),
    ],
    "average pooling": lambda: [conv(), layers.AveragePooling2D(3, strides=2, padding="same")],
    "average pooling, valid": lambda: [conv(), layers.AveragePooling2D((2, 3))],
    "global average": lambda: [conv(8), layers.GlobalAveragePooling2D()],
    "global maximum": lambda: [conv(8), layers.GlobalMaxPooling2D(keepdims=True), conv(4, 1)],
    "dense on images": lambda: [
        conv(3),
        layers.Dense(5, use_bias=False),
        layers.Softmax(),
        layers.Dense(2, activation="relu"),
    ],
    "reshape, permute": lambda: [
        conv(3),
        layers.Permute((3, 1, 2)),
        layers.Reshape((26, -1)),
        layers.Permute((2, 1)),
    ],
    "padding, cropping": lambda: [
        conv(3),
        layers.ZeroPadding2D(((0, 1), (2, 3))),
        conv(3),
        layers.Cropping2D(((3, 1), (0, 2))),
    ],
    "up-sampling": lambda: [conv(2, strides=3), layers.UpSampling2D((2, 3)), conv(2)],
    "parametric ReLU": lambda: [conv(3), layers.PReLU(), conv(3), layers.PReLU(shared_axes=[1, 2])],
    "parametric ReLU, dense": lambda: [layers.Flatten(), layers.Dense(8), layers.PReLU()],
    "ReLU with a slope": lambda: [conv(), layers.ReLU(negative_slope=0.2, max_value=0.8)],
    "ReLU with a threshold": lambda: [conv(), layers.ReLU(threshold=0.3, negative_slope=0.5, max_value=1)],
    "ReLU, thresholded to 0": lambda: [conv(), layers.ReLU(threshold=0.3)],
    "leaky ReLU, ELU": lambda: [conv(), layers.LeakyReLU(0.15), conv(), layers.ELU(0.7)],
    "softmax of channels": lambda: [conv(), layers.Softmax(), conv(), layers.Activation("softmax")],
    "rescaling per channel": lambda: [conv(2), layers.Rescaling(listed(1.5, -2), offset=listed(0.3, 0.1))],
    "training only": lambda: [
        layers.RandomRotation(0.1),
        layers.RandomZoom(0.1),
        layers.GaussianNoise(0.3),
        conv(),
        layers.Dropout(0.5),
        layers.SpatialDropout2D(0.5),
        layers.GaussianDropout(0.5),
        layers.ActivityRegularization(0.1),
        layers.Identity(),
    ],
    "nested": lambda: [keras.Sequential([conv(3), keras.Sequential([layers.ReLU(), conv(3)])]), conv(2)],
}


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer_predicts_as_in_keras(case: str) -> None:
    assert_faithful(classifier(*LAYERS[case]()))


@pytest.mark.parametrize("name", [*ACTIVATIONS, "swish", "hard_swish"])
def test_activation_predicts_as_in_keras(name: str) -> None:
    assert_faithful(classifier(conv(4, 3, strides=2, activation=name), layers.Dense(4, activation=name)))


@pytest.mark.parametrize(
    "merge", [layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum]
)
def test_merge_predicts_as_in_keras(merge: Callable[[], Any]) -> None:
    def join(image: Any, left: Any, right: Any) -> Any:
        in_channel_order = merge()([left, right])  # both from convolutions
        return merge()([in_channel_order, layers.Dense(3)(image)])  # one of each order, broadcast

    assert_faithful(branched(join))


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_concatenation_predicts_as_in_keras(axis: int) -> None:
    def join(image: Any, left: Any, right: Any) -> Any:
        together = layers.Concatenate(axis=axis)([left, right, left])
        return layers.Concatenate(axis=1)([layers.Flatten()(together), layers.Flatten()(image)])

    assert_faithful(branched(join))


def test_layer_used_twice_predicts_as_in_keras() -> None:
    shared = keras.Sequential([conv(3, padding="same", activation="relu"), layers.BatchNormalization()])

    def join(image: Any, left: Any, right: Any) -> Any:
        return layers.Add()([shared(left), shared(right)])

    assert_faithful(branched(join))


def branched(join: Callable[[Any, Any, Any], Any]) -> keras.Model:
    """A functional model; `join` merges the (28, 28, 1) image and two (28, 28, 3) branches of it."""
    pixels = keras.Input((28, 28), dtype="uint8")
    image = layers.Reshape((28, 28, 1))(layers.Rescaling(1 / 255, offset=-0.5)(pixels))
    left, right = conv(3, padding="same")(image), conv(3, 5, padding="same")(image)
    joined = layers.Flatten()(join(image, left, right))
    return shake(keras.Model(pixels, layers.Softmax()(layers.Dense(10)(joined))))


def assert_faithful(model: keras.Model) -> None:
    converted = to_onnx(model)
    onnx.checker.check_model(onnx.load_model_from_string(converted), full_check=True)
    spread = Recognizer(converted).predict_proba(IMAGES).std(axis=0).max()
    assert spread > 1e-3, "the predictions hardly depend on the image: this case would prove nothing"
    assert parity(converted, model, IMAGES) < 5e-5


def test_every_convolution_says_its_kernels_shape() -> None:  # OpenCV needs it
    graph = onnx.load_model_from_string(to_onnx(classifier(conv(), layers.SeparableConv2D(4, 3), conv(2)))).graph
    found = [{each.name for each in node.attribute} for node in graph.node if node.op_type == "Conv"]
    assert len(found) == 4
    assert all("kernel_shape" in names for names in found)


def test_interface() -> None:
    graph = onnx.load_model_from_string(to_onnx(classifier())).graph
    (pixels,), (probabilities,) = graph.input, graph.output
    assert (pixels.name, probabilities.name) == ("pixels", "probabilities")
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert probabilities.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [size.dim_param or size.dim_value for size in pixels.type.tensor_type.shape.dim] == ["N", 28, 28]
    assert [size.dim_param or size.dim_value for size in probabilities.type.tensor_type.shape.dim] == [
        "N",
        10,
    ]


SOFTER, SHARPER = Calibration(1.7, 1.3), Calibration(0.9, 1.0)


def test_a_temperature_calibrates() -> None:
    model = classifier(conv())
    plain, softened = (Recognizer(to_onnx(model, t)).predict_proba(IMAGES) for t in (None, SOFTER))
    assert np.abs(softened - calibrate(plain, SOFTER)).max() < 1e-6
    assert np.abs(softened - plain).max() > 0.01
    assert parity(to_onnx(model, SOFTER), model, IMAGES, SOFTER) < 1e-5


def test_five_shifted_copies_are_predicted_as_one(tmp_path: Path) -> None:
    model = classifier(conv())
    paper = np.pad(IMAGES[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1)))  # np.roll then moves only paper around the border
    moved = [np.roll(paper, step, axis) for axis in (1, 2) for step in (1, -1)]
    expected = np.mean([Recognizer(to_onnx(model)).predict_proba(view) for view in (paper, *moved)], axis=0)
    export_onnx(model, tmp_path / "model.onnx", paper, SHARPER, tta=True)
    content = (tmp_path / "model.onnx").read_bytes()
    five = Recognizer(content)
    assert np.abs(five.predict_proba(paper) - calibrate(expected, SHARPER)).max() < 1e-5
    assert five.predict_proba(paper[:0]).shape == (0, 10)
    assert len(content) < 1.2 * len(to_onnx(model, SHARPER)) + 2000  # the weights are there once


def test_export_writes_what_the_recognizer_reads(tmp_path: Path) -> None:
    model, path = classifier(conv()), tmp_path / "model.onnx"
    export_onnx(model, path, IMAGES, SHARPER)
    assert path.read_bytes() == to_onnx(model, SHARPER)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


def test_tampered_export_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tampered(model: keras.Model, calibration: Calibration | None, *, tta: bool) -> bytes:
        proto = onnx.load_model_from_string(to_onnx(model, calibration, tta=tta))
        kernel = next(tensor for tensor in proto.graph.initializer if len(tensor.dims) == 4)
        values = numpy_helper.to_array(kernel).copy()
        values[0, 0, 1, 1] += 0.05
        kernel.CopyFrom(numpy_helper.from_array(values, kernel.name))
        return proto.SerializeToString()

    monkeypatch.setattr(exporting, "to_onnx", tampered)
    assert_refused(classifier(conv()), tmp_path)


def test_not_a_number_is_not_written(tmp_path: Path) -> None:
    model = classifier(conv())
    model.layers[-1].bias.assign(np.full(10, np.nan))
    assert_refused(model, tmp_path, "nan")


def test_another_temperature_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(model: keras.Model, _calibration: Calibration | None, *, tta: bool) -> bytes:
        return to_onnx(model, Calibration(1.05, 1.0), tta=tta)

    monkeypatch.setattr(exporting, "to_onnx", forgetful)
    assert_refused(classifier(conv()), tmp_path, "0 of 48 images")


def assert_refused(model: keras.Model, folder: Path, *figures: str) -> None:
    """The export is refused, and an earlier file stays."""
    (folder / "model.onnx").write_bytes(b"an earlier one")
    with refused("onnx-differs", folder / "model.onnx", *figures):
        export_onnx(model, folder / "model.onnx", IMAGES)
    assert [file.name for file in folder.iterdir()] == ["model.onnx"]
    assert (folder / "model.onnx").read_bytes() == b"an earlier one"


class Dense(layers.Dense):
    """A user's own layer, under the name of one that converts."""


def _doubled(x: Any) -> Any:
    return 2 * x


REFUSED: dict[str, tuple[Callable[[], list[Any]], list[str]]] = {
    "layer": (lambda: [conv(name="c"), layers.GroupNormalization(2, name="gn")], ["'gn'", "GroupNormalization"]),
    "subclass": (lambda: [Dense(4, name="own")], ["'own'", "Dense"]),
    "random crop": (lambda: [layers.RandomCrop(20, 20, name="crop")], ["'crop'", "RandomCrop"]),
    "activation": (lambda: [conv(activation="log_softmax")], ["Conv2D", "'log_softmax'", "linear, relu"]),
    "activation of one's own": (lambda: [conv(activation=_doubled)], ["'_doubled'"]),
    "channels": (
        lambda: [conv(), layers.MaxPooling2D(data_format="channels_first")],
        ["data_format='channels_last'"],
    ),
    "norm axis": (lambda: [conv(), layers.BatchNormalization(axis=1)], ["axis=1"]),
    "norm axes": (lambda: [conv(), layers.LayerNormalization(axis=listed(1, 2))], ["axis=[1, 2]"]),
    "softmax axis": (lambda: [conv(), layers.Softmax(axis=1)], ["axis=1"]),
    "interpolation": (lambda: [layers.UpSampling2D(2, interpolation="bilinear")], ["interpolation='nearest'"]),
    "dtype": (lambda: [conv(dtype="mixed_bfloat16")], ["mixed_bfloat16", "float32"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_layer_that_cannot_be_converted_is_named(case: str) -> None:
    build, places = REFUSED[case]
    with refused("layer-unsupported", *places) as refusal:
        to_onnx(classifier(*build()))
    assert "\n" not in str(refusal.value)


def test_operators_are_refused() -> None:
    with refused("layer-unsupported", "Add"):
        to_onnx(branched(lambda _image, left, right: left + right))


class _Subclassed(keras.Model):
    def call(self, x: Any) -> Any:
        return x


def _ends(inputs: tuple[int, ...], *rest: Any) -> keras.Model:
    return keras.Sequential([keras.Input(inputs, dtype="uint8"), layers.Rescaling(1 / 255), *rest], name="net")


def _average_of_logits() -> keras.Model:
    pixels = keras.Input((28, 28), dtype="uint8")
    flat = layers.Flatten()(layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, layers.Average()([layers.Dense(10)(flat), layers.Dense(10)(flat)]), name="net")


@pytest.mark.parametrize(
    ("build", "code", "place"),
    [
        (lambda: _ends((28, 28), layers.Flatten(), layers.Dense(10)), "model-without-softmax", "'net'"),
        (_average_of_logits, "model-without-softmax", "'net'"),
        (
            lambda: _ends((28, 28), layers.Flatten(), layers.Dense(12, activation="softmax")),
            "model-shape",
            "(None, 12)",
        ),
        (
            lambda: _ends((28, 28, 1), layers.Flatten(), layers.Dense(10, activation="softmax")),
            "model-shape",
            "(None, 28, 28, 1)",
        ),
        (lambda: _Subclassed(name="mine"), "model-without-graph", "'mine'"),
        (lambda: keras.Sequential([layers.Flatten()], name="unbuilt"), "model-without-graph", "'unbuilt'"),
    ],
)
def test_the_ends_of_the_model_are_checked(build: Callable[[], keras.Model], code: str, place: str) -> None:
    with refused(code, place):
        to_onnx(build())
