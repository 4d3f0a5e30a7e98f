from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.runs.predictions import Predictions, read_predictions, shared_rows
from tests.conftest import part
from tests.handmade import make_run


def make_predictions(
    scored: list[int], trained_on: list[int] | None = None, labels: list[int] | None = None
) -> Predictions:
    """Predictions for images with these hashes; their labels are the hashes' last digits unless given."""
    hashes = np.array(scored, np.uint64)
    return Predictions(
        trained_on=np.array(trained_on or [], np.uint64),
        model_trained_on=np.empty(0, np.uint64),
        scored=hashes,
        labels=np.array(labels or [value % 10 for value in scored]),
        probabilities=np.eye(10, dtype=np.float32)[[value % 10 for value in scored]],
        mistakes=np.empty((0, 28, 28), np.uint8),
    )


def rows(*every: Predictions) -> list[list[int]]:
    return [own.tolist() for own in shared_rows(every)]


def test_equal_pixels_have_equal_hashes_wherever_they_stand(real_digits: Dataset) -> None:
    images = real_digits.images[:500]
    hashes = Dataset(images, None, "").hashes
    assert len(np.unique(hashes)) == 500
    np.testing.assert_array_equal(Dataset(np.asfortranarray(images[::-2]), None, "").hashes, hashes[::-2])


def test_shared_rows_stand_in_the_first_ones_order() -> None:
    assert rows(make_predictions([5, 1, 9, 3]), make_predictions([3, 4, 5, 1])) == [[0, 1, 3], [2, 3, 0]]
    assert rows(make_predictions([1, 2, 3]), make_predictions([3, 2]), make_predictions([2, 4])) == [[1], [1], [0]]
    assert rows(make_predictions([1, 2]), make_predictions([3, 4])) == [[], []]


def test_images_that_one_run_was_trained_on_are_not_shared() -> None:
    assert rows(make_predictions([1, 2, 3]), make_predictions([1, 2, 3], trained_on=[2, 8])) == [[0, 2], [0, 2]]


def test_images_under_different_labels_are_not_shared() -> None:
    assert rows(make_predictions([1, 2, 3]), make_predictions([1, 2, 3], labels=[1, 7, 3])) == [[0, 2], [0, 2]]


def test_an_image_that_stands_twice_is_shared_only_by_equal_sets() -> None:
    twice = make_predictions([1, 2, 2, 3])
    assert rows(twice, replace(twice)) == [[0, 1, 2, 3]] * 2
    assert rows(twice, make_predictions([1, 2, 3])) == [[0, 3], [0, 2]]


def test_a_run_gives_back_its_predictions_and_the_pictures_of_its_mistakes(
    real_digits: Dataset, tmp_path: Path
) -> None:
    scored = part(real_digits, slice(1000, 1500))
    folder = make_run(tmp_path / "run", part(real_digits, slice(1000)), scored)
    kept = read_predictions(folder)
    np.testing.assert_array_equal(kept.scored, scored.hashes)
    np.testing.assert_array_equal(kept.labels, scored.required_labels)
    images = np.zeros((250, 28, 28), np.uint8)
    kept.copy_mistakes(np.arange(499, 249, -1), images)
    wrong = (kept.probabilities.argmax(axis=1) != scored.required_labels)[:249:-1]
    np.testing.assert_array_equal(images[wrong], scored.images[:249:-1][wrong])
    assert wrong.any()
    assert not images[~wrong].any()


def test_changed_predictions_are_refused(real_digits: Dataset, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", part(real_digits, slice(500)), part(real_digits, slice(500, 600)))
    content = bytearray((folder / "predictions.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "predictions.npz").write_bytes(content)
    with pytest.raises(InkdigitError, match=r"rows\.npz is not the file"):
        read_predictions(folder)
