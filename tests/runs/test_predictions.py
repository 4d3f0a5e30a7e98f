"""A run's predictions: what is kept, and the images that runs share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.runs.predictions import (
    Predictions,
    count_trained_rows,
    has_predictions,
    read_predictions,
    rows_trained_on,
    shared_rows,
    trained_hashes,
    write_predictions,
)
from inkdigit.runs.run import write_manifest
from tests.conftest import part
from tests.errors import refused
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
    for read in (read_predictions, trained_hashes):
        with refused("checksum-differs", folder / "predictions.npz"):
            read(folder)


NEAR_TIE = np.full((1, 10), 0.04)
NEAR_TIE[0, 3], NEAR_TIE[0, 5] = 0.34, 0.34 + 1e-12  # 5 in float64; the same in float32, where the first one is taken


def one_digit(label: int) -> Dataset:
    """An image of a 3 or 5, full of ink."""
    return Dataset(np.full((1, 28, 28), 200, np.uint8), np.array([label]), "one.csv")


def test_mistakes_are_those_of_the_kept_float32(tmp_path: Path) -> None:
    assert NEAR_TIE.argmax() != NEAR_TIE.astype(np.float32).argmax()
    for label in (3, 5):
        scored, none = one_digit(label), np.empty(0, np.uint64)
        written = write_predictions(tmp_path, none, none, scored, NEAR_TIE)
        write_manifest(tmp_path, ["predictions.npz"], {})
        kept = read_predictions(tmp_path)
        assert kept.probabilities.dtype == np.float32
        assert kept.wrong.tolist() == written.wrong.tolist() == [label == 5]
        assert len(kept.mistakes) == kept.wrong.sum()
        images = np.zeros((1, 28, 28), np.uint8)
        kept.copy_mistakes(np.array([0]), images)
        assert images.any() == (label == 5)


def make_old_run(folder: Path, scored: Dataset, probabilities: NDArray[Any], mistakes: NDArray[np.bool_]) -> Path:
    """A run as version 0.1.0 kept it: trained on the images with hashes 1 and 2, and refitted with 3."""
    folder.mkdir()
    np.savez(
        folder / "rows.npz",
        learnt=np.array([1, 2], np.uint64),
        also_learnt=np.array([3], np.uint64),
        scored=scored.hashes,
        mistakes=scored.images[mistakes],
    )
    # Its report's own mistakes are others: a few, on a sheet.
    sheet = np.zeros((1, 8, 28, 28), np.uint8)
    np.savez(folder / "report.npz", labels=scored.required_labels, probabilities=probabilities, mistakes=sheet)
    write_manifest(folder, ["rows.npz", "report.npz"], {})
    return folder


def test_predictions_of_version_0_1_0_are_read(real_digits: Dataset, tmp_path: Path) -> None:
    scored = part(real_digits, slice(50))
    probabilities = np.eye(10)[np.where(np.arange(50) < 5, 9 - scored.required_labels, scored.required_labels)]
    folder = make_old_run(tmp_path / "old", scored, probabilities, np.arange(50) < 5)
    assert has_predictions(folder)
    kept = read_predictions(folder)
    assert kept.trained_on.tolist() == [1, 2]
    assert kept.model_trained_on.tolist() == [3]
    assert trained_hashes(folder).tolist() == [1, 2, 3]
    np.testing.assert_array_equal(kept.scored, scored.hashes)
    np.testing.assert_array_equal(kept.labels, scored.required_labels)
    assert kept.probabilities.dtype == np.float32
    assert np.flatnonzero(kept.wrong).tolist() == [0, 1, 2, 3, 4]
    images = np.zeros((50, 28, 28), np.uint8)
    kept.copy_mistakes(np.arange(50), images)
    np.testing.assert_array_equal(images[:5], scored.images[:5])


def test_near_ties_that_version_0_1_0_judged_otherwise_have_a_blank_image(tmp_path: Path) -> None:
    for label in (3, 5):
        found_in_float64 = NEAR_TIE.argmax(axis=1) != label
        folder = make_old_run(tmp_path / str(label), one_digit(label), NEAR_TIE, found_in_float64)
        kept = read_predictions(folder)
        images = np.zeros((1, 28, 28), np.uint8)
        kept.copy_mistakes(np.array([0]), images)
        assert not images.any()


def test_the_oldest_runs_keep_no_predictions(real_digits: Dataset, tmp_path: Path) -> None:
    write_manifest(tmp_path, [], {})
    assert not has_predictions(tmp_path)
    assert trained_hashes(tmp_path).tolist() == []
    assert rows_trained_on(tmp_path, real_digits) is None
    with refused("run-file-unnamed", tmp_path, "predictions.npz"):
        read_predictions(tmp_path)


def test_images_that_a_run_was_trained_on_are_counted(real_digits: Dataset, tmp_path: Path) -> None:
    scored = part(real_digits, slice(100, 200))
    empty = np.empty(0, np.uint64)
    for name, trained_on, model_trained_on in (
        ("some", real_digits.hashes[:120], real_digits.hashes[110:130]),
        ("other", real_digits.hashes[125:135], empty),
        ("none", real_digits.hashes[:100], empty),
        ("silent", empty, empty),
    ):
        (tmp_path / name).mkdir()
        write_predictions(tmp_path / name, trained_on, model_trained_on, scored, np.eye(10)[scored.required_labels])
        write_manifest(tmp_path / name, [] if name == "silent" else ["predictions.npz"], {})
    some, other, none, silent = (tmp_path / name for name in ("some", "other", "none", "silent"))
    rows = rows_trained_on(some, scored)
    assert rows is not None
    assert np.flatnonzero(rows).tolist() == list(range(30))
    count, warnings = count_trained_rows([some, other, none], scored)
    assert count == 35
    assert [warning.split()[0] for warning in warnings] == ["some", "other"]
    assert count_trained_rows([none], scored) == (0, [])
    count, warnings = count_trained_rows([some, silent], scored)
    assert count is None
    assert [warning.split()[0] for warning in warnings] == ["some", "silent"]


def as_stored(**changes: Any) -> dict[str, Any]:
    """The arrays of two rows, one of them predicted wrongly, with some of them replaced."""
    two = make_predictions([1, 2], labels=[1, 3])
    return vars(replace(two, mistakes=np.zeros((1, 28, 28), np.uint8))) | changes


OTHER_ARRAYS: dict[str, Any] = {
    "float hashes": {"scored": np.zeros(2)},
    "hashes in a table": {"trained_on": np.zeros((2, 2), np.uint64)},
    "one label": {"labels": np.zeros(1, np.int64)},
    "a label of 10": {"labels": np.array([1, 10])},
    "nine probabilities": {"probabilities": np.zeros((2, 9), np.float32)},
    "texts": {"probabilities": np.full((2, 10), "a")},
    "no mistakes": {"mistakes": np.zeros((0, 28, 28), np.uint8)},
    "objects": {"labels": np.array([{}, 1], object)},
    "a number": {"labels": np.int64(1)},
}


@pytest.mark.parametrize("changes", OTHER_ARRAYS.values(), ids=OTHER_ARRAYS.keys())
def test_arrays_that_are_no_predictions_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    def store(arrays: dict[str, Any]) -> None:
        np.savez(tmp_path / "predictions.npz", **arrays)
        write_manifest(tmp_path, ["predictions.npz"], {})

    store(as_stored())
    assert len(read_predictions(tmp_path).mistakes) == 1
    store(as_stored(**changes))
    with refused("run-file-incompatible", tmp_path / "predictions.npz"):
        read_predictions(tmp_path)
