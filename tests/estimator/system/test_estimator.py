"""The scikit-learn estimator, in scikit-learn's own tools."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from inkdigit import DigitClassifier
from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError

Rows = tuple[NDArray[np.uint8], NDArray[np.int64]]

TINY: dict[str, Any] = {
    "filters": [[8], [16]],
    "optimizer": "adam",
    "dense": 32,
    "epochs": 1,
    "batch_size": 32,
    "dropout": 0.1,
}

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


@pytest.fixture(scope="module")
def train(real_digits: Dataset) -> Rows:
    return real_digits.images[:800], real_digits.required_labels[:800]


@pytest.fixture(scope="module")
def fitted(train: Rows) -> DigitClassifier:
    return DigitClassifier(**TINY).fit(*train)


def unscaled(images: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.rint(255 * images)


def test_scikit_learns_own_checks_pass_where_they_need_no_image() -> None:
    results: list[Any] = check_estimator(DigitClassifier(**TINY), on_fail=None, on_skip=None)
    passed = {result["check_name"] for result in results if result["status"] == "passed"}
    assert passed >= CHECKS, CHECKS - passed


def test_it_learns_and_predicts_and_scores(fitted: DigitClassifier, real_digits: Dataset) -> None:
    images, labels = real_digits.images[5000:6000], real_digits.required_labels[5000:6000]
    probabilities = fitted.predict_proba(images)
    assert probabilities.shape == (1000, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(fitted.predict(images), fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.score(images, labels) == (fitted.predict(images) == labels).mean() > 0.6


def test_rows_tables_and_whole_floats_are_the_same_images(fitted: DigitClassifier, real_digits: Dataset) -> None:
    images = real_digits.images[:20]
    expected = fitted.predict_proba(images)
    flat = images.reshape(-1, 784)
    for same in (flat, flat.astype(np.int64), flat.astype(np.float64), images.astype(np.float32), flat.tolist()):
        assert np.array_equal(fitted.predict_proba(same), expected)


def test_pickle_keeps_the_answers_and_needs_no_keras(fitted: DigitClassifier, real_digits: Dataset) -> None:
    images = real_digits.images[:50]
    script = (
        "import pickle, sys\n"
        "sys.modules['keras'] = sys.modules['tensorflow'] = None\n"
        "classifier, images = pickle.load(sys.stdin.buffer)\n"
        "sys.stdout.buffer.write(pickle.dumps(classifier.predict_proba(images)))"
    )
    sent = pickle.dumps((fitted, images))
    done = subprocess.run([sys.executable, "-c", script], input=sent, capture_output=True, check=True)
    assert np.array_equal(pickle.loads(done.stdout), fitted.predict_proba(images))


def test_clone_with_the_same_seed_learns_the_same(fitted: DigitClassifier, train: Rows) -> None:
    unfitted: Any = clone(fitted)
    again = unfitted.fit(*train)
    assert np.allclose(again.predict_proba(train[0]), fitted.predict_proba(train[0]), atol=1e-3)


def test_cross_validation_grid_search_and_pipelines_work(train: Rows) -> None:
    images, labels = train
    fold: Any = [(np.arange(500), np.arange(500, 800))]
    assert cross_val_score(DigitClassifier(**TINY), images, labels, cv=fold) > 0.2
    pipeline = make_pipeline(FunctionTransformer(unscaled), DigitClassifier(**TINY))
    grid: Any = {"digitclassifier__learning_rate": np.array([1e-6, 0.015])}
    search = GridSearchCV(pipeline, grid, cv=fold, refit=False).fit(images.reshape(-1, 784) / 255, labels)
    assert search.best_params_ == {"digitclassifier__learning_rate": 0.015}


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros((5, 27, 28), np.uint8), ["(5, 27, 28)", "(N, 28, 28) or (N, 784)"]),
        (np.zeros((28, 28), np.uint8), ["X[np.newaxis]"]),
        (np.zeros((0, 784), np.uint8), ["at least one image"]),
        (np.full((2, 784), 0.5), ["scaled to 0–1", "255"]),
        (np.eye(784)[:5], ["scaled to 0–1"]),
        (np.full((2, 784), 12.5), ["12.5", "whole numbers from 0"]),
        (np.full((2, 784), 256), ["256"]),
        (np.full((2, 784), -1), ["-1"]),
        (np.full((2, 784), np.nan), ["nan"]),
        (np.full((2, 784), "7"), ["dtype <U1"]),
    ],
)
def test_no_images_are_refused_in_a_sentence(fitted: DigitClassifier, X: NDArray[Any], words: list[str]) -> None:  # noqa: N803
    with pytest.raises(ValueError, match="X ") as predicting:
        fitted.predict(X)
    with pytest.raises(InkdigitError) as fitting:
        DigitClassifier().fit(X, np.zeros(len(X), int))
    assert str(predicting.value) == str(fitting.value)
    assert all(word in str(fitting.value) for word in words), fitting.value


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.full(200, 11), ["y holds 11"]),
        (np.full(200, "5"), ["y holds '5'", "y.astype(int)"]),
        (np.full(200, np.nan), ["y holds nan"]),
        (np.zeros(199), ["(199,)", "200 images"]),
    ],
)
def test_no_labels_are_refused_in_a_sentence(train: Rows, y: NDArray[Any], words: list[str]) -> None:
    with pytest.raises(InkdigitError) as error:
        DigitClassifier(**TINY).fit(train[0][:200], y)
    assert all(word in str(error.value) for word in words), error.value


def test_wrong_parameters_are_refused_in_a_sentence(
    train: Rows,
) -> None:
    with pytest.raises(TypeError, match="dropuot"):
        DigitClassifier(dropuot=0.1)
    with pytest.raises(InkdigitError, match="dropout = 2"):
        DigitClassifier(dropout=2).fit(*train)
    with pytest.raises(InkdigitError, match="slow"):
        DigitClassifier(preset="slow").fit(*train)
    with pytest.raises(InkdigitError, match="members at 1"):
        DigitClassifier(preset="record").fit(*train)
    with pytest.raises(InkdigitError, match="at least 100"):
        DigitClassifier(**TINY).fit(train[0][:50], train[1][:50])
