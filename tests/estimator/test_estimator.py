"""What the scikit-learn estimator refuses, before it trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.utils.estimator_checks import check_estimator

from inkdigit import DigitClassifier
from inkdigit.estimator import InputError
from tests.errors import refused
from tests.onnx_models import linear_model

IMAGES = np.zeros((200, 28, 28), np.uint8)
LABELS = np.zeros(200, np.int64)

# scikit-learn's other checks fit tables of two to ten columns, and no such table is an image.
CHECKS = {
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_estimators_unfitted",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_estimator_sparse_tag",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_fit1d",
}


def test_scikit_learns_own_checks_pass_where_they_need_no_image() -> None:
    results: list[Any] = check_estimator(DigitClassifier(), on_fail=None, on_skip=None)
    passed = {result["check_name"] for result in results if result["status"] == "passed"}
    assert passed >= CHECKS, CHECKS - passed


def fitted() -> DigitClassifier:
    """A classifier with a model made by hand."""
    classifier = DigitClassifier()
    classifier.onnx_ = linear_model()
    return classifier


@pytest.mark.parametrize(
    ("X", "places"),
    [
        (np.zeros((5, 27, 28), np.uint8), ["(5, 27, 28)", "(N, 28, 28)", "(N, 784)"]),
        (np.zeros((28, 28), np.uint8), ["X[np.newaxis]"]),
        (np.zeros((0, 784), np.uint8), ["(0, 784)"]),
        (np.full((2, 784), 120.5), ["120.5"]),
        (np.full((2, 784), 256), ["256"]),
        (np.full((2, 784), -1), ["-1"]),
        (np.full((2, 784), np.nan), ["nan"]),
        (np.full((2, 784), "7"), ["<U1"]),
    ],
)
def test_what_is_not_images_is_refused(X: NDArray[Any], places: list[str]) -> None:  # noqa: N803
    with refused("images-invalid", "X ", *places) as fitting:
        DigitClassifier().fit(X, np.zeros(len(X), int))
    with refused("images-invalid", "X ", *places) as predicting:
        fitted().predict_proba(X)
    assert str(predicting.value) == str(fitting.value)
    assert isinstance(fitting.value, ValueError)


@pytest.mark.parametrize(
    "X", [np.full((2, 784), 0.5), np.eye(784)[:5], np.eye(784, dtype=int)[:5], np.full((2, 784), 16)]
)
def test_scaled_images_are_refused(X: NDArray[Any]) -> None:  # noqa: N803
    with refused("images-scaled", "X "):
        DigitClassifier().fit(X, np.zeros(len(X), int))


@pytest.mark.parametrize(
    ("y", "places"),
    [
        (np.full(200, 11), ["y ", "11"]),
        (np.full(200, "five"), ["y ", "'five'"]),
        (np.full(200, np.nan), ["y ", "nan"]),
        (np.zeros(199), ["y ", "(199,)", "200 images"]),
    ],
)
def test_what_is_not_labels_is_refused(y: NDArray[Any], places: list[str]) -> None:
    with refused("labels-invalid", *places) as caught:
        DigitClassifier().fit(IMAGES, y)
    assert isinstance(caught.value, InputError)


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(TypeError, match="dropuot"):
        DigitClassifier(dropuot=0.1)
    with refused("setting-invalid", "dropout = 2"):
        DigitClassifier(dropout=2).fit(IMAGES, LABELS)
    with refused("preset-unknown", "slow"):
        DigitClassifier(preset="slow").fit(IMAGES, LABELS)
    with refused("option-conflict", "members"):
        DigitClassifier(preset="record").fit(IMAGES, LABELS)
    with refused("rows-too-few", "100"):
        DigitClassifier().fit(IMAGES[:50], LABELS[:50])
