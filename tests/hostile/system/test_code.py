"""A stranger's run folder never runs code, whichever command is given it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.report.archive import ARCHIVE
from inkdigit.runs.predictions import PREDICTIONS_FILE
from inkdigit.runs.run import KERAS_MODEL, ONNX_MODEL, SHIPPED_RUN
from tests.conftest import Command
from tests.hostile import stranger

PREDICTION_ARRAYS = ("trained_on", "model_trained_on", "scored", "labels", "probabilities", "mistakes")


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """The file that appears when code runs."""
    return tmp_path / "code-has-run"


@pytest.fixture
def run(real_digits: Dataset, tmp_path: Path) -> Path:
    """A stranger's run, whose network would be asked for by --teacher too, for its test-time augmentation."""
    return stranger.stranger_run(tmp_path / "stranger", real_digits, tta=True)


def assert_refused(run_in_process: Command, *arguments: object, names: object) -> None:
    done = run_in_process(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert str(names) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--start-from", "--teacher"])
@pytest.mark.parametrize("kind", ["lambda", "class", "no zip"])
def test_a_keras_file_brings_no_code(
    run_in_process: Command, run: Path, proof: Path, files: Path, tmp_path: Path, option: str, kind: str
) -> None:
    content = stranger.keras_with_lambda(proof, tmp_path)
    if kind == "class":
        content = stranger.keras_with_class(proof, content)
    stranger.put(run, KERAS_MODEL, b"PK" if kind == "no zip" else content)
    training = ("train", "--train", files / "small.csv", "--training-rows", 100, "--epochs", 1, "--no-tta")
    assert_refused(run_in_process, *training, option, run, "--out", tmp_path / "out", names=run / KERAS_MODEL)
    assert not proof.exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [PREDICTIONS_FILE, ARCHIVE])
def test_a_pickle_in_an_npz_is_not_read(
    run_in_process: Command, run: Path, proof: Path, files: Path, tmp_path: Path, name: str
) -> None:
    arrays = ("facts", "samples") if name == ARCHIVE else PREDICTION_ARRAYS
    stranger.put(run, name, stranger.pickled_npz(proof, *arrays))
    assert_refused(run_in_process, "report", run, names=run / name)
    for command in (
        ("compare", run, SHIPPED_RUN, "--data", files / "small.csv", "--out", tmp_path / "comparison"),
        ("evaluate", run, "--data", files / "small.csv"),
        ("runs", tmp_path),
    ):
        done = run_in_process(*command)
        assert done.returncode in {0, 2}, done.stderr
    assert not proof.exists()


def outside(model: bytes) -> bytes:
    return stranger.with_external_data(model, "../weights")


def beside(model: bytes) -> bytes:
    return stranger.with_external_data(model, "weights")


def empty(model: bytes) -> bytes:
    return model[:0]


@pytest.mark.parametrize("change", [outside, beside, stranger.with_custom_op, empty])
def test_a_model_that_is_not_one_plain_file_is_refused(
    run_in_process: Command,
    run: Path,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[bytes], bytes],
) -> None:
    for folder in (tmp_path, run):  # where ONNX Runtime would look for it
        (folder / "weights").write_bytes(784 * 10 * 4 * b"\0")
    monkeypatch.chdir(run)
    stranger.replace_model(run, change)
    data, model = files / "small.csv", run / ONNX_MODEL
    picture = Path(SHIPPED_RUN, "no picture")
    for command in (
        ("evaluate", run, "--data", data),
        ("compare", run, SHIPPED_RUN, "--data", data, "--out", tmp_path / "comparison"),
        ("submit", run, "--test", data, "-o", tmp_path / "submission.csv"),
        ("read", "--model", run, picture),
        ("read", "--single", "--model", run, picture),
    ):
        assert_refused(run_in_process, *command, names=model)
