"""Networks from several seeds, averaged, and taught to one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.export.int8 import to_int8
from inkdigit.export.onnx import to_onnx
from inkdigit.export.tta import shifted_copies
from inkdigit.recognizer import Recognizer
from inkdigit.training.averaging import average_models
from inkdigit.training.config import preset
from tests.conftest import LINEAR, Command, RunAndKill

SMALL = ["--filters", "8, 16", "--dense", "0", "--epochs", "4", "--batch-size", "32", "--tta"]
NAMES = ("run-member-1", "run-member-2", "run", "run-student")


def linear(seed: int) -> keras.Model:
    """An untrained network."""
    pixels = keras.Input((28, 28), dtype="uint8")
    start: Any = keras.initializers.GlorotUniform(seed)
    ends = layers.Dense(10, "softmax", kernel_initializer=start)
    return keras.Model(pixels, ends(layers.Flatten()(layers.Rescaling(1 / 255)(pixels))))


@pytest.fixture(scope="module")
def out(run_in_process: Command, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("members") / "run"
    done = run_in_process("train", "--train", files / "small.csv", "--members", 2, *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Accuracy on 100 validation rows") == 2  # the ensemble's and the student's
    return out


def test_members_their_mean_and_a_student_are_runs(out: Path, real_digits: Dataset) -> None:
    images, truth = real_digits.images[3000:5000], real_digits.required_labels[3000:5000]
    first, second, mean, student = (Recognizer.load(out.with_name(name)).predict_proba(images) for name in NAMES)
    assert np.abs(first - second).max() > 0.1
    right = [(answers.argmax(1) == truth).mean() for answers in (first, second, mean, student)]
    assert right[2] > min(right[:2])
    assert right[3] > 0.8

    manifests = [json.loads((out.with_name(name) / "manifest.json").read_text()) for name in NAMES]
    assert manifests[2]["parameters"] == 2 * manifests[0]["parameters"]
    assert manifests[3]["parameters"] == manifests[0]["parameters"]
    assert "There are 2 such networks" in (out / "report.html").read_text(encoding="utf-8")
    assert manifests[3]["teacher"] == manifests[2]["files"]["model.onnx"]["sha256"]


def test_the_mean_is_that_of_all_members_on_all_views(real_digits: Dataset) -> None:
    models = [linear(seed) for seed in range(2)]
    alone = [Recognizer(to_onnx(model)) for model in models]
    images = real_digits.images[:100]
    expected = np.mean([one.predict_proba(view) for one in alone for view in shifted_copies(images)], axis=0)
    answers = Recognizer(to_onnx(average_models(models), tta=True)).predict_proba(images)
    assert np.abs(answers - expected).max() < 1e-5


def test_a_record_is_five_of_best() -> None:
    assert replace(preset("record"), preset="best", members=1) == preset("best")


def test_what_is_finished_is_not_done_again(run_in_process: Command, files: Path, out: Path) -> None:
    again = run_in_process("train", "--train", files / "small.csv", "--members", 2, *SMALL, "--out", out)
    assert again.stdout.count("already holds this run") == 4


def test_what_a_kill_left_of_the_second_member_is_gone_on_with(
    run_command: Command, run_in_process: Command, run_and_kill: RunAndKill, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "network.py").write_text(LINEAR)
    data = ["--train", files / "small.csv", "--model", tmp_path / "network.py"]
    command = ["train", *data, "--epochs", 2, "--members", 2, "--seed", 2**32 - 1, "--out", tmp_path / "run"]
    printed = run_and_kill("run-member-2", *command, event="os.rename")
    assert "Member 2 of 2" in printed
    resumed = run_in_process("train", "--resume", tmp_path / "run")
    assert resumed.returncode == 2
    assert resumed.stderr.strip().endswith("give the command again that began it.")
    done = run_command(*command)
    assert done.stdout.count("already holds this run") == 1, done.stderr
    assert "Training: 2 of 2 epochs were done before." in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["network.py", *NAMES])


def test_folders_that_hold_something_else_are_told_before_any_training(
    run_in_process: Command, files: Path, out: Path, tmp_path: Path
) -> None:
    train = ["train", "--train", files / "small.csv", *SMALL, "--members", 3, "--out"]
    more = run_in_process(*train, out)
    assert more.returncode == 2
    assert "holds another run" in more.stderr
    assert not out.with_name("run-member-3").exists()
    (tmp_path / "mine-student").mkdir()
    (tmp_path / "mine-student" / "homework.txt").touch()
    other = run_in_process(*train, tmp_path / "mine")
    assert other.returncode == 2
    assert "mine-student is not empty" in other.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine-student"]


def test_any_run_teaches(run_in_process: Command, files: Path, out: Path, tmp_path: Path) -> None:
    taught = ["train", "--train", files / "small.csv", "--epochs", 1, "--filters", "4", "--dense", 0]
    done = run_in_process(*taught, "--teacher", out.with_name(NAMES[0]), "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr


def test_in_eight_bits_it_reads_the_same(out: Path, real_digits: Dataset) -> None:
    model = (out.with_name(NAMES[0]) / "model.onnx").read_bytes()
    small = to_int8(model, real_digits.images[:500])
    assert len(small) < len(model)
    rows = slice(3000, 4000)
    same = Recognizer(small).predict(real_digits.images[rows]) == Recognizer(model).predict(real_digits.images[rows])
    assert same.mean() > 0.98
    with pytest.raises(InkdigitError, match="give some hundred"):
        to_int8(model, real_digits.images[:0])


def test_what_does_not_go_together(run_in_process: Command, files: Path, tmp_path: Path) -> None:
    train = ["train", "--train", files / "small.csv", "--out", tmp_path / "run"]
    for arguments, words in (
        (["--members", 2, "--folds", 3], "members"),
        (["--members", 2, "--refit"], "refit"),
        (["--members", 2, "--learning-curve"], "--learning-curve and members"),
        (["--teacher", tmp_path], str(tmp_path)),
    ):
        refused = run_in_process(*train, *arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert len(refused.stderr.splitlines()) <= 3
    assert not any(tmp_path.iterdir())
