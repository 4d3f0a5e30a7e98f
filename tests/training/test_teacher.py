"""Which runs predict for a teacher, and the settings of a run that is trained further."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import file_checksum, write_manifest
from inkdigit.training.config import Settings, preset
from inkdigit.training.finetune import NETWORK_SETTINGS, check_network, fine_tuning, run_settings
from inkdigit.training.teacher import teacher_function, teacher_runs
from tests.errors import refused
from tests.onnx_models import WEIGHTS, linear_model


def add_run(folder: Path, model: bytes, **facts: Any) -> Path:
    """A run with nothing but its model and some facts."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model)
    write_manifest(folder, ["model.onnx"], {"settings": json.loads(json.dumps(asdict(Settings())))} | facts)
    return folder


@pytest.fixture
def average(tmp_path: Path) -> Path:
    """An average whose two members lie beside it."""
    members = [add_run(tmp_path / f"run-member-{number}", linear_model(number * WEIGHTS)) for number in (1, 2)]
    checksums = [file_checksum(member, "model.onnx") for member in members]
    return add_run(tmp_path / "run", linear_model(), averaged=checksums)


def test_the_members_of_an_average_predict_for_it(average: Path) -> None:
    members = [average.with_name(f"run-member-{number}") for number in (1, 2)]
    assert teacher_runs(average) == members
    assert teacher_runs(members[0]) == [members[0]]


def test_an_average_without_its_members_predicts_itself(average: Path) -> None:
    member = average.with_name("run-member-2")
    (member / "manifest.json").rename(member / "manifest")
    assert teacher_runs(average) == [average]


def test_an_average_beside_other_members_predicts_itself(average: Path) -> None:
    member = average.with_name("run-member-2")
    (member / "model.onnx").write_bytes(linear_model(3 * WEIGHTS))
    write_manifest(member, ["model.onnx"], {})
    assert teacher_runs(average) == [average]


def test_each_member_predicts_a_share_of_the_images(average: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (11, 28, 28), np.uint8)
    first, second = (Recognizer(linear_model(number * WEIGHTS)).predict_proba(images) for number in (1, 2))
    predicted = teacher_function(average)(images)
    np.testing.assert_allclose(predicted, np.concatenate([first[:6], second[6:]]), atol=1e-6)


def test_a_runs_settings_are_read(tmp_path: Path) -> None:
    best = replace(preset("best"), seed=3)
    run = add_run(tmp_path / "run", b"", settings=json.loads(json.dumps(asdict(best))))
    assert run_settings(run) == best
    older = add_run(tmp_path / "older", b"", settings={"preset": "fast", "epochs": 7})
    assert run_settings(older) == Settings(epochs=7)


def test_runs_without_settings_are_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path, [], {})
    with refused("run-without-settings", tmp_path):
        run_settings(tmp_path)
    with refused("run-not-found", tmp_path / "absent"):
        run_settings(tmp_path / "absent")


def test_training_continues_with_smaller_steps_on_all_rows(tmp_path: Path) -> None:
    settings = Settings(learning_rate=0.5, training_rows=100, members=3, epochs=7)
    run = add_run(tmp_path / "run", b"", settings=json.loads(json.dumps(asdict(settings))))
    assert fine_tuning(run) == Settings(learning_rate=0.1, epochs=7)


@pytest.mark.parametrize("name", NETWORK_SETTINGS)
def test_another_network_is_refused(tmp_path: Path, name: str) -> None:
    run = add_run(tmp_path / "run", b"")
    others: dict[str, Any] = {
        "filters": ((8,), (8,), (8,)),
        "kernel_size": (3, 3, 3),
        "padding": ("same",) * 3,
        "pooling": "average",
        "activation": "tanh",
        "batch_norm": False,
        "block_dropout": 0.5,
        "dense": 7,
        "dropout": 0.25,
    }
    check_network(replace(Settings(), epochs=3, optimizer="adam"), run)
    with refused("network-differs", run, name):
        check_network(replace(Settings(), **{name: others[name]}), run)
