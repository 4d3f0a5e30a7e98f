"""Runs compared on the images that they share, and on new ones: linear models on real digits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.comparison.compare import compare_runs
from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from inkdigit.runs.predictions import PREDICTIONS_FILE, read_predictions, write_predictions
from inkdigit.runs.run import MANIFEST, ONNX_MODEL, read_run, write_manifest
from tests.conftest import part
from tests.errors import refused
from tests.handmade import forget_predictions, make_run


def rewrite_manifest(folder: Path, **changes: Any) -> None:
    """Change a run's manifest, and the checksums of files that were changed."""
    manifest = read_run(folder).manifest | changes
    write_manifest(folder, list(manifest.pop("files")), manifest)


def test_kept_predictions_and_reading_the_images_again_agree(folder: Path, real_digits: Dataset) -> None:
    pair = [folder / "many", folder / "few"]
    kept, again = compare_runs(pair), compare_runs(pair, part(real_digits, slice(5000, 6000)))
    assert kept.to_json()["duels"] == again.to_json()["duels"]
    assert kept.to_json()["runs"] == again.to_json()["runs"]
    (test,), (many, few) = kept.tests, kept.results
    correct = many.evaluation.correct - few.evaluation.correct
    assert len(test.only_first) - len(test.only_second) == correct > 0
    assert test.difference == correct / 1000
    assert 0 < test.low < test.difference < test.high
    assert 1000 - test.neither == many.evaluation.correct + len(test.only_second)
    assert {one.name for one in kept.settings} == {"filters", "epochs", "training data"}


def test_only_shared_images_are_compared_and_the_misread_ones_are_there(folder: Path, real_digits: Dataset) -> None:
    result = compare_runs([folder / "other", folder / "many"])
    assert len(result.labels) == 500
    assert len(result.notes) == 1
    (test,) = result.tests
    shared = real_digits.images[5500:6000]
    for rows in (test.only_first, test.only_second):
        assert len(rows) > 0
        np.testing.assert_array_equal(result.images[rows], shared[rows])
    truth, predicted = real_digits.required_labels[5500:6000], Recognizer.load(folder / "other").predict(shared)
    np.testing.assert_array_equal(result.labels, truth)
    assert result.results[0].evaluation.correct == (predicted == truth).sum()


def test_images_that_a_run_was_trained_on_are_left_out(folder: Path, real_digits: Dataset) -> None:
    pair = [folder / "few", folder / "many"]
    result = compare_runs(pair, part(real_digits, slice(4500, 5500)))
    assert len(result.labels) == 500
    assert "many was trained on 500" in result.notes[0]
    with refused("compared-images-missing", "few", "many"):
        compare_runs(pair, part(real_digits, slice(3000, 3500)))


def test_images_of_a_later_training_count_as_trained_on(copies: Path, real_digits: Dataset) -> None:
    scored, none = part(real_digits, slice(5000, 6000)), np.empty(0, np.uint64)
    probabilities = read_predictions(copies / "few").probabilities
    write_predictions(copies / "few", none, scored.hashes[:10], scored, probabilities)
    rewrite_manifest(copies / "few")
    pair = [copies / "few", copies / "many"]
    assert "few was trained on 10" in compare_runs(pair).notes[0]
    assert len(compare_runs(pair, part(real_digits, slice(5000, 5100))).labels) == 90


def test_a_prediction_that_is_a_tie_in_float32_but_not_in_float64(copies: Path, real_digits: Dataset) -> None:
    # In float64 the label is ahead by too little for float32, where the first of equal digits is predicted.
    scored = part(real_digits, slice(5000, 6000))
    probabilities = np.full((1000, 10), 1e-3)
    probabilities[np.arange(1000), scored.required_labels] = 0.496 + 1e-12
    probabilities[np.arange(1000), (scored.required_labels + 1) % 10] = 0.496
    assert (probabilities.argmax(axis=1) == scored.required_labels).all()
    write_predictions(copies / "few", np.empty(0, np.uint64), np.empty(0, np.uint64), scored, probabilities)
    rewrite_manifest(copies / "few")
    result = compare_runs([copies / "few", copies / "many"])
    misread = result.results[0].probabilities.argmax(axis=1) != scored.required_labels
    np.testing.assert_array_equal(misread, scored.required_labels == 9)
    np.testing.assert_array_equal(result.images[misread], scored.images[misread])


def test_runs_without_predictions_are_compared_on_given_images_only(copies: Path, real_digits: Dataset) -> None:
    forget_predictions(copies / "few")
    pair = [copies / "few", copies / "many"]
    with refused("run-predictions-missing", copies / "few", PREDICTIONS_FILE, "--data"):
        compare_runs(pair)
    result = compare_runs(pair, part(real_digits, slice(5000, 5500)))
    assert len(result.labels) == 500
    assert result.notes[0].startswith("few ")


def test_folders_of_the_same_name_get_their_paths_as_names(copies: Path, tmp_path: Path) -> None:
    shutil.move(copies / "few", tmp_path / "many")
    names = [result.name for result in compare_runs([copies / "many", tmp_path / "many"]).results]
    assert names == [str(copies / "many"), str(tmp_path / "many")]


@pytest.mark.parametrize("name", [ONNX_MODEL, PREDICTIONS_FILE])
def test_a_changed_byte_is_refused(copies: Path, name: str) -> None:
    content = bytearray((copies / "few" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copies / "few" / name).write_bytes(content)
    with refused("checksum-differs", copies / "few" / name):
        compare_runs([copies / "many", copies / "few"])


DAMAGED_MANIFESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "names without checksums": ("run-file-unnamed", {"files": {ONNX_MODEL: 5, PREDICTIONS_FILE: 5}}),
    "settings in a list": ("manifest-damaged", {"settings": []}),
    "no settings": ("manifest-damaged", {"settings": {}}),
    "a date beyond the calendar": ("manifest-damaged", {"created": "9999-12-31T23:59:59-23:00"}),
    "a newer version's": ("manifest-newer", {"format": 2}),
}


@pytest.mark.parametrize("case", DAMAGED_MANIFESTS)
def test_a_damaged_manifest_is_refused(copies: Path, case: str) -> None:
    code, changes = DAMAGED_MANIFESTS[case]
    manifest = read_run(copies / "few").manifest | changes
    (copies / "few" / MANIFEST).write_text(json.dumps(manifest))
    with refused(code, copies / "few" / MANIFEST):
        compare_runs([copies / "many", copies / "few"])


@pytest.mark.parametrize("content", [b"no npz", "other arrays", "pickled"])
def test_predictions_of_another_kind_are_refused(copies: Path, real_digits: Dataset, content: bytes | str) -> None:
    path = copies / "few" / PREDICTIONS_FILE
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, trained_on=np.array([{}] if content == "pickled" else [1, 2], object))
    rewrite_manifest(copies / "few")
    with refused("run-file-incompatible", path):
        compare_runs([copies / "many", copies / "few"], part(real_digits, slice(9000, 9100)))


def test_runs_that_cannot_be_compared_are_refused(copies: Path, real_digits: Dataset, tmp_path: Path) -> None:
    many = copies / "many"
    with refused("run-not-comparable"):
        compare_runs([many])
    with refused("run-named-twice", many):
        compare_runs([many, many])
    with refused("run-not-found", copies / "absent"):
        compare_runs([many, copies / "absent"])
    far = make_run(tmp_path / "far", part(real_digits, slice(100, 600)), part(real_digits, slice(9000, 9100)))
    with refused("compared-images-missing", "many", "far", "--data"):
        compare_runs([many, far])
