"""Networks from several seeds, averaged, and one network that is taught by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from inkdigit.training.teacher import teacher_runs
from tests.conftest import Command, RunAndKill

NAMES = ("run-member-1", "run-member-2", "run", "run-student")
# The seed of the second member begins at zero again.
SETTINGS = ["--epochs", 3, "--members", 2, "--seed", 2**32 - 1, "--tta", "--batch-size", 16]


@pytest.fixture(scope="module")
def out(
    run_in_process: Command,
    run_and_kill: RunAndKill,
    few: Path,
    network: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The run of an ensemble whose training was killed when its second member was finished, and continued."""
    out = tmp_path_factory.mktemp("ensemble") / "run"
    command = ["train", "--train", few, "--model", network, *SETTINGS, "--out", out]
    printed = run_and_kill("run-member-2", *command, event="os.rename")
    assert "Member 2 of 2" in printed
    resumed = run_in_process("train", "--resume", out)
    assert resumed.returncode == 2
    assert str(out) in resumed.stderr

    done = run_in_process(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("already holds this run") == 1
    assert "Training: 3 of 3 epochs were done before." in done.stdout
    assert done.stdout.count("Accuracy on 30 validation rows") == 2  # the average's and the student's
    assert sorted(path.name for path in out.parent.iterdir()) == sorted(NAMES)
    return out


def test_members_their_average_and_a_student_are_runs(out: Path, real_digits: Dataset) -> None:
    images, digits = real_digits.images[3000:5000], real_digits.required_labels[3000:5000]
    first, second, mean, student = (Recognizer.load(out.with_name(name)).predict_proba(images) for name in NAMES)
    assert np.abs(first - second).max() > 0.1
    right = [(predicted.argmax(1) == digits).mean() for predicted in (first, second, mean, student)]
    assert right[2] > min(right[:2])
    assert right[3] > 0.6

    manifests: list[dict[str, Any]] = [
        json.loads((out.with_name(name) / "manifest.json").read_text()) for name in NAMES
    ]
    assert manifests[2]["parameters"] == 2 * manifests[0]["parameters"]
    assert manifests[3]["parameters"] == manifests[0]["parameters"]
    assert manifests[3]["teacher"] == manifests[2]["files"]["model.onnx"]["sha256"]
    assert manifests[2]["averaged"] == [member["files"]["model.onnx"]["sha256"] for member in manifests[:2]]
    assert [member["member"] for member in manifests] == [0, 1, 0, 2]
    assert len({manifest["figures"]["scored_sha256"] for manifest in manifests}) == 1
    assert {manifest["figures"]["scored_known"] for manifest in manifests} == {0}
    assert teacher_runs(out) == [out.with_name(name) for name in NAMES[:2]]


def test_what_is_finished_is_not_done_again(run_in_process: Command, few: Path, network: Path, out: Path) -> None:
    again = run_in_process("train", "--train", few, "--model", network, *SETTINGS, "--out", out)
    assert again.stdout.count("already holds this run") == 4


def test_folders_that_hold_something_else_are_refused_before_any_training(
    run_in_process: Command, few: Path, network: Path, out: Path, tmp_path: Path
) -> None:
    train = ["train", "--train", few, "--model", network, *SETTINGS, "--members", 3, "--out"]
    more = run_in_process(*train, out)
    assert more.returncode == 2
    assert str(out) in more.stderr
    assert not out.with_name("run-member-3").exists()
    (tmp_path / "mine-student").mkdir()
    (tmp_path / "mine-student" / "homework.txt").touch()
    other = run_in_process(*train, tmp_path / "mine")
    assert other.returncode == 2
    assert str(tmp_path / "mine-student") in other.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine-student"]


def test_options_that_exclude_members_are_refused(run_in_process: Command, few: Path, tmp_path: Path) -> None:
    train = ["train", "--train", few, "--out", tmp_path / "run"]
    for arguments, places in (
        (["--members", 2, "--folds", 3], ["members", "--folds"]),
        (["--members", 2, "--refit"], ["members", "refit"]),
        (["--members", 2, "--learning-curve"], ["--learning-curve", "members"]),
        (["--teacher", tmp_path], [str(tmp_path)]),
    ):
        done = run_in_process(*train, *arguments)
        assert done.returncode == 2
        assert all(place in done.stderr for place in places)
    assert not any(tmp_path.iterdir())
