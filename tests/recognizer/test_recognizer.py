"""The recognizer on a model small enough to check by hand, without Keras."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import inkdigit
from inkdigit.recognizer import BATCH_SIZE, Recognizer
from tests.errors import refused
from tests.handmade import bare_run, name_in_manifest
from tests.onnx_models import WEIGHTS, linear_model


def expected(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    logits = images.reshape(-1, 784).astype(np.float32) @ WEIGHTS
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def noise(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (count, 28, 28), np.uint8)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(linear_model())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with nothing but the model."""
    return bare_run(tmp_path, linear_model())


@pytest.mark.parametrize("count", [0, 1, BATCH_SIZE - 1, BATCH_SIZE, 2 * BATCH_SIZE + 3])
def test_any_number_of_images(recognizer: Recognizer, count: int) -> None:
    images = noise(count)
    probabilities, digits = recognizer.predict_proba(images), recognizer.predict(images)
    assert (probabilities.shape, probabilities.dtype) == ((count, 10), np.float32)
    assert (digits.shape, digits.dtype) == ((count,), np.int64)
    np.testing.assert_allclose(probabilities, expected(images), atol=1e-5)
    np.testing.assert_array_equal(digits, probabilities.argmax(axis=1))


def test_views_of_other_arrays(recognizer: Recognizer) -> None:
    images = np.asfortranarray(noise(12))[::-2]
    np.testing.assert_allclose(recognizer.predict_proba(images), expected(images), atol=1e-5)


def test_many_threads_at_once(recognizer: Recognizer) -> None:
    images = noise(40)
    with ThreadPoolExecutor(8) as pool:
        parts = [images[start:] for start in range(40)]
        predicted = list(pool.map(recognizer.predict_proba, parts))
    for part, probabilities in zip(parts, predicted, strict=True):
        np.testing.assert_allclose(probabilities, expected(part), atol=1e-5)


@pytest.mark.parametrize(
    ("images", "places"),
    [
        (np.zeros((2, 28, 28), np.float32), ["(2, 28, 28)", "float32", "(N, 28, 28)", "uint8"]),
        (np.zeros((2, 28, 28), np.int64), ["int64"]),
        (np.zeros((2, 28, 28, 1), np.uint8), ["(2, 28, 28, 1)"]),
        (np.zeros((2, 784), np.uint8), ["(2, 784)"]),
        (np.zeros((28, 28), np.uint8), ["images[np.newaxis]"]),
        ([[0] * 28] * 28, ["list"]),
    ],
)
def test_other_arrays_are_refused(recognizer: Recognizer, images: Any, places: list[str]) -> None:
    with refused("images-invalid", *places) as refusal:
        recognizer.predict_proba(images)
    assert "\n" not in str(refusal.value)


def test_load_reads_a_run_folder(run: Path) -> None:
    images = noise(3)
    for path in (run, str(run)):
        np.testing.assert_allclose(Recognizer.load(path).predict_proba(images), expected(images), atol=1e-5)


def test_several_models_predict_the_mean_of_their_probabilities() -> None:
    images = noise(BATCH_SIZE + 3)
    pair = Recognizer(linear_model(), linear_model(-WEIGHTS))
    other = Recognizer(linear_model(-WEIGHTS)).predict_proba(images)
    np.testing.assert_allclose(pair.predict_proba(images), (expected(images) + other) / 2, atol=1e-5)
    np.testing.assert_array_equal(pair.predict(images), pair.predict_proba(images).argmax(axis=1))


def test_without_a_model_for_it_the_doubt_says_what_shows_no_digit(recognizer: Recognizer) -> None:
    images = noise(BATCH_SIZE + 3)
    probabilities, not_digit = recognizer.predict_with_rejection(images)
    np.testing.assert_array_equal(probabilities, recognizer.predict_proba(images))
    assert (not_digit.shape, not_digit.dtype) == ((BATCH_SIZE + 3,), np.float32)
    np.testing.assert_allclose(not_digit, 1 - expected(images).max(axis=1), atol=1e-5)
    assert recognizer.predict_with_rejection(images[:0])[1].shape == (0,)


def test_a_blank_image_is_surely_no_digit() -> None:
    images = noise(3)
    images[1] = 0
    for recognizer in (Recognizer.load(), Recognizer(linear_model())):
        assert recognizer.predict_with_rejection(images)[1][1] == 1


@pytest.mark.parametrize("brightest", [1, 16])
def test_scaled_images_are_refused(recognizer: Recognizer, brightest: int) -> None:
    with refused("images-scaled"):
        recognizer.predict(np.full((2, 28, 28), brightest, np.uint8))


def test_a_run_may_have_a_model_that_recognises_what_shows_no_digit(tmp_path: Path) -> None:
    images = noise(5)
    run = bare_run(tmp_path, linear_model())
    (run / "not_digit.onnx").write_bytes(linear_model(-WEIGHTS))
    name_in_manifest(run, "not_digit.onnx")
    probabilities, not_digit = Recognizer.load(run).predict_with_rejection(images)
    np.testing.assert_allclose(probabilities, expected(images), atol=1e-5)
    digit, sure = Recognizer(linear_model(-WEIGHTS)).predict_proba(images)[:, 0], probabilities.max(axis=1)
    odds = (1 - digit) / digit * (1 - sure) / sure * 99  # a doubt of one in a hundred changes nothing
    np.testing.assert_allclose(not_digit, odds / (1 + odds), atol=1e-4)
    (run / "not_digit.onnx").write_bytes(linear_model())
    with refused("checksum-differs", run / "not_digit.onnx"):
        Recognizer.load(run)


def test_the_same_run_twice_is_refused(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    copy = shutil.copytree(run, tmp_path_factory.mktemp("copies") / "copy")
    for other in (run, copy):
        with refused("run-named-twice", run, other):
            Recognizer.load(run, other)


def test_a_changed_byte_is_refused(run: Path) -> None:
    content = bytearray((run / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (run / "model.onnx").write_bytes(content)
    with refused("checksum-differs", run / "model.onnx"):
        Recognizer.load(run)


@pytest.mark.parametrize(("missing", "code"), [("manifest.json", "run-not-found"), ("model.onnx", "file-unreadable")])
def test_a_missing_file_is_named(run: Path, missing: str, code: str) -> None:
    (run / missing).unlink()
    with refused(code, missing):
        Recognizer.load(run)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    run = bare_run(tmp_path, b"no model")
    with refused("model-unreadable", run / "model.onnx") as refusal:
        Recognizer.load(run)
    assert "\n" not in str(refusal.value)


def test_public_names() -> None:
    assert inkdigit.Recognizer is Recognizer
    with pytest.raises(AttributeError, match="nonsense"):
        inkdigit.nonsense  # noqa: B018
