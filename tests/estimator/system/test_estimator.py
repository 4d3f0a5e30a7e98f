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
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from inkdigit import DigitClassifier
from inkdigit.data.dataset import Dataset

Rows = tuple[NDArray[np.uint8], NDArray[np.int64]]

TINY: dict[str, Any] = {
    "filters": [[8], [16]],
    "optimizer": "adam",
    "dense": 0,
    "epochs": 1,
    "batch_size": 32,
    "dropout": 0.1,
}


@pytest.fixture(scope="module")
def train(real_digits: Dataset) -> Rows:
    return real_digits.images[:800], real_digits.required_labels[:800]


@pytest.fixture(scope="module")
def fitted(train: Rows) -> DigitClassifier:
    return DigitClassifier(**TINY).fit(*train)


def unscaled(images: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.rint(255 * images)


def test_it_learns_and_predicts_and_scores(fitted: DigitClassifier, real_digits: Dataset) -> None:
    images, labels = real_digits.images[5000:6000], real_digits.required_labels[5000:6000]
    probabilities = fitted.predict_proba(images)
    assert probabilities.shape == (1000, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(fitted.predict(images), fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.score(images, labels) == (fitted.predict(images) == labels).mean() > 0.6


def test_text_and_fewer_digits_are_classes_as_they_stand(train: Rows) -> None:
    images, labels = train
    chosen = np.isin(labels, [3, 8])
    images, text = images[chosen][..., np.newaxis], labels[chosen].astype(str)
    fitted = DigitClassifier(**TINY).fit(images, text)
    assert fitted.classes_.tolist() == ["3", "8"]
    probabilities = fitted.predict_proba(images)
    assert probabilities.shape == (len(images), 2)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert fitted.score(images, text) > 0.7
    assert roc_auc_score(text == "8", probabilities[:, 1]) > 0.7


def test_rows_tables_and_whole_floats_are_the_same_images(fitted: DigitClassifier, real_digits: Dataset) -> None:
    images = real_digits.images[:20]
    expected = fitted.predict_proba(images)
    flat = images.reshape(-1, 784)
    for same in (flat, flat.astype(np.int64), flat.astype(np.float64), images.astype(np.float32), flat.tolist()):
        assert np.array_equal(fitted.predict_proba(same), expected)


def test_a_pickle_predicts_the_same_and_needs_no_keras(fitted: DigitClassifier, real_digits: Dataset) -> None:
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


def test_grid_search_over_a_pipeline_works(train: Rows) -> None:
    images, labels = train
    fold: Any = [(np.arange(500), np.arange(500, 800))]
    pipeline = make_pipeline(FunctionTransformer(unscaled), DigitClassifier(**TINY))
    grid: Any = {"digitclassifier__learning_rate": np.array([1e-6, 0.015])}
    search = GridSearchCV(pipeline, grid, cv=fold, refit=False).fit(images.reshape(-1, 784) / 255, labels)
    assert search.best_params_ == {"digitclassifier__learning_rate": 0.015}
