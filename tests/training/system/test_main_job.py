"""The main job through the real command: train, evaluate, submit."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.conftest import LINEAR, RUN_SETTINGS, Command, part
from tests.paths import DOCS

MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if sys.platform == "linux" else 0


def test_trained_on_five_thousand_digits_it_recognises_97_percent_of_others(
    run_in_process: Command, run_folder: Path, files: Path
) -> None:
    done = run_in_process("evaluate", run_folder, "--data", files / "labelled.csv", "--json")
    figures = json.loads(done.stdout)
    assert figures["total"] == 5000
    assert figures["accuracy"] >= 0.97
    assert figures["low"] < figures["accuracy"] < figures["high"]


def test_evaluate_prints_a_line_for_each_digit(run_in_process: Command, run_folder: Path, files: Path) -> None:
    printed = run_in_process("evaluate", run_folder, "--data", files / "labelled.csv").stdout
    assert "5,000 images" in printed
    assert all(any(line.split()[:1] == [str(digit)] for line in printed.splitlines()) for digit in range(10))


def test_the_run_folder_holds_what_its_manifest_names(run_folder: Path) -> None:
    manifest = json.loads((run_folder / "manifest.json").read_text())
    expected = {
        "model.keras",
        "model.onnx",
        "metrics.json",
        "report.html",
        "report.npz",
        "predictions.npz",
        "submission.csv",
    }
    assert expected <= set(manifest["files"])
    assert {path.name for path in run_folder.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, about in manifest["files"].items():
        assert hashlib.sha256((run_folder / name).read_bytes()).hexdigest() == about["sha256"]


def test_submit_writes_kaggles_format_and_agrees_with_the_training(
    run_command: Command, run_folder: Path, files: Path, tmp_path: Path
) -> None:
    submission = tmp_path / "submission.csv"
    done = run_command("submit", run_folder, "--test", files / "test.csv", "-o", submission)
    assert done.returncode == 0, done.stderr
    assert submission.read_bytes() == (run_folder / "submission.csv").read_bytes()
    with submission.open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[0] == ["ImageId", "Label"]
    assert [row[0] for row in rows[1:]] == [str(i) for i in range(1, 5001)]
    assert {row[1] for row in rows[1:]} == set("0123456789")


def test_the_saved_model_consists_of_keras_own_layers_and_loads(run_folder: Path, real_digits: Dataset) -> None:
    with zipfile.ZipFile(run_folder / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    assert {module.split(".")[0] for module in modules(config)} == {"keras"}
    model: Any = keras.models.load_model(run_folder / "model.keras")
    images = real_digits.images[5000:5500]
    predicted = np.asarray(model.predict_on_batch(images)).argmax(axis=1)
    assert (predicted == Recognizer.load(run_folder).predict(images)).mean() > 0.99


def modules(config: Any) -> set[str]:
    """The modules that a Keras model's configuration takes classes from."""
    if isinstance(config, list):
        return set().union(*map(modules, config))  # pyright: ignore[reportUnknownArgumentType]
    if not isinstance(config, dict):
        return set()
    own: Any = config.get("module")  # pyright: ignore[reportUnknownMemberType]
    inner = [modules(value) for value in config.values()]  # pyright: ignore[reportUnknownVariableType]
    return set().union(*inner) | ({own} if own else set())


def test_the_same_job_again_reuses_the_run_and_another_job_is_refused(
    run_in_process: Command, run_folder: Path, files: Path
) -> None:
    before = (run_folder / "manifest.json").read_bytes()
    arguments = ["train", "--train", files / "train.csv", "--test", files / "test.csv", "--out", run_folder]
    again = run_in_process(*arguments, *RUN_SETTINGS)
    assert again.returncode == 0
    assert "already holds this run" in again.stdout
    other = run_in_process(*arguments, *RUN_SETTINGS, "--epochs", 5)
    assert other.returncode == 2
    assert str(run_folder) in other.stderr
    assert (run_folder / "manifest.json").read_bytes() == before


def test_the_report_is_written_again_from_the_run_folder_alone_without_keras(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / run_folder.name
    shutil.copytree(run_folder, copy)
    (copy / "report.html").unlink()
    script = (
        "import sys\n"
        "for name in ('keras', 'tensorflow', 'onnx', 'onnxruntime', 'cv2'): sys.modules[name] = None\n"
        "from inkdigit.cli import main\n"
        "main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, "report", copy.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path(copy.name) / "report.html")
    assert (copy / "report.html").read_bytes() == (run_folder / "report.html").read_bytes()
    assert (copy / "manifest.json").read_bytes() == (run_folder / "manifest.json").read_bytes()


def test_learning_curve_trains_on_fewer_rows_too_and_scores_on_the_same(
    run_in_process: Command, network: Path, real_digits: Dataset, tmp_path: Path
) -> None:
    kaggle_csv.write_csv(tmp_path / "train.csv", part(real_digits, slice(210)))
    out = tmp_path / "runs" / "mine"
    command = ["train", "--train", tmp_path / "train.csv", "--model", network, "--epochs", 1, "--out", out]
    done = run_in_process(*command)
    assert done.returncode == 0, done.stderr
    assert "mine-100-rows" not in (out / "report.html").read_text(encoding="utf-8")

    done = run_in_process(*command, "--learning-curve")
    assert done.returncode == 0, done.stderr
    names = ("mine-100-rows", "mine")
    assert {path.name for path in out.parent.iterdir()} == set(names)
    figures = [json.loads((out.with_name(name) / "manifest.json").read_text())["figures"] for name in names]
    assert [figure["training_rows"] for figure in figures] == [100, 189]
    assert {figure["total"] for figure in figures} == {21}
    assert len({figure["scored_sha256"] for figure in figures}) == 1
    assert "mine-100-rows" in (out / "report.html").read_text(encoding="utf-8")

    refused = run_in_process(*command, "--learning-curve", "--epochs", 3)
    assert refused.returncode == 2
    assert str(out) in refused.stderr
    assert len(list(out.parent.iterdir())) == 2


def test_a_users_own_model_goes_all_the_way_and_is_compared(
    run_in_process: Command, run_folder: Path, files: Path, tmp_path: Path
) -> None:
    example, out = DOCS / "examples" / "my_model.py", tmp_path / "mine"
    data = ["--train", files / "small.csv", "--test", files / "test.csv"]
    events = ["--tensorboard", tmp_path / "logs"]
    done = run_in_process("train", *data, "--epochs", 2, "--model", example, "--out", out, *events)
    assert done.returncode == 0, done.stderr
    assert "SeparableConv2D" in (out / "report.html").read_text(encoding="utf-8")
    compared = run_in_process("compare", run_folder, out, "--out", tmp_path / "comparison", "--json")
    assert compared.returncode == 0, compared.stderr
    listed = run_in_process("runs", tmp_path).stdout
    assert "100 validation rows" in listed
    assert listed.splitlines()[-1].startswith("mine ")
    assert next((tmp_path / "logs" / "mine" / "training").glob("events*"))


def test_a_run_is_trained_further(
    run_in_process: Command, run_folder: Path, tmp_path: Path, real_digits: Dataset, files: Path
) -> None:
    """Digits mirrored left to right: the old network reads most of them wrongly, and soon learns better."""
    mirrored = Dataset(real_digits.images[:, :, ::-1], real_digits.required_labels, "mirrored")
    kaggle_csv.write_csv(tmp_path / "train.csv", part(mirrored, slice(600)))
    held_out = part(mirrored, slice(5000, 6000))
    before = (Recognizer.load(run_folder).predict(held_out.images) == held_out.required_labels).mean()
    arguments = ["--start-from", run_folder, "--train", tmp_path / "train.csv", "--epochs", 4]
    done = run_in_process("train", *arguments, "--out", tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    after = (Recognizer.load(tmp_path / "mine").predict(held_out.images) == held_out.required_labels).mean()
    assert after > before + 0.2

    for wrong, place in (
        (["--start-from", run_folder], "--train"),
        (["--start-from", files, "--train", tmp_path / "train.csv"], str(files)),
        ([*arguments, "--dense", 16], "dense"),
    ):
        done = run_in_process("train", *wrong, "--out", tmp_path / "other")
        assert done.returncode == 2
        assert place in done.stderr
    assert not (tmp_path / "other").exists()


def test_a_loss_that_overflows_is_reported_and_leaves_no_run(
    run_in_process: Command, few: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(LINEAR.replace("1 / 255", "1e38"))
    arguments = ["--train", few, "--model", tmp_path / "model.py", "--epochs", 1]
    done = run_in_process("train", *arguments, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "epoch 1" in done.stderr
    assert "learning_rate" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


@pytest.mark.skipif(not 0 < MEMORY < 150 << 30, reason="a network too large for any memory would fit into this one")
def test_a_network_too_large_for_the_memory_is_refused(run_command: Command, few: Path, tmp_path: Path) -> None:
    large = LINEAR.replace("layers.Flatten(),", "layers.Flatten(), layers.Dense(1 << 26),")  # 196 GiB of weights
    (tmp_path / "model.py").write_text(large)
    done = run_command("train", "--train", few, "--model", tmp_path / "model.py", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert "batch_size" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


@pytest.mark.parametrize(
    ("layer", "place"),
    [
        ("layers.Dense(10)", "softmax"),
        ("layers.Dense(10, activation='softmax'), layers.Reshape((5, 2)), layers.LSTM(10)", "LSTM"),
    ],
)
def test_a_model_that_cannot_be_exported_is_refused_before_the_training(
    run_in_process: Command, few: Path, tmp_path: Path, layer: str, place: str
) -> None:
    model = tmp_path / "model.py"
    model.write_text(LINEAR.replace('layers.Dense(10, activation="softmax")', layer))
    done = run_in_process("train", "--train", few, "--model", model, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert place in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


def test_nothing_but_the_error_is_printed_of_a_wrong_model_file(
    run_command: Command, few: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.py"
    model.write_text("def build(settings):\n    return 1 / 0\n")
    done = run_command("train", "--train", few, "--model", model, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {model}, line 2: ZeroDivisionError")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


def test_a_run_with_a_changed_byte_is_refused(
    run_in_process: Command, run_folder: Path, files: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(run_folder, changed)
    content = bytearray((changed / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (changed / "model.onnx").write_bytes(content)
    done = run_in_process("submit", changed, "--test", files / "test.csv", "-o", tmp_path / "submission.csv")
    assert done.returncode == 2
    assert str(changed / "model.onnx") in done.stderr
    assert not (tmp_path / "submission.csv").exists()
