"""The main job through the real command: train, evaluate, submit."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.conftest import LINEAR, Command, part
from tests.paths import DOCS

MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if sys.platform == "linux" else 0


def test_five_thousand_digits_teach_97_percent_of_five_thousand_others(
    run_command: Command, run_folder: Path, files: Path
) -> None:
    done = run_command("evaluate", run_folder, "--data", files / "labelled.csv", "--json")
    figures = json.loads(done.stdout)
    assert figures["total"] == 5000
    assert figures["accuracy"] >= 0.97
    assert figures["low"] < figures["accuracy"] < figures["high"]


def test_evaluate_prints_accuracy_with_interval_and_a_line_for_each_digit(
    run_command: Command, run_folder: Path, files: Path
) -> None:
    printed = run_command("evaluate", run_folder, "--data", files / "labelled.csv").stdout
    assert "95 % interval" in printed
    assert "5,000 images" in printed
    assert all(any(line.split()[:1] == [str(digit)] for line in printed.splitlines()) for digit in range(10))


def test_run_folder_holds_what_its_manifest_names(run_folder: Path) -> None:
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


def test_saved_model_loads_in_keras_without_inkdigit(run_folder: Path) -> None:
    script = (
        "import sys; sys.modules['inkdigit'] = None\n"
        "import keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "print(model.predict_on_batch(np.zeros((3, 28, 28), np.uint8)).shape)"
    )
    command = [sys.executable, "-c", script, str(run_folder / "model.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(3, 10)", done.stderr


def test_same_job_again_reuses_the_run_and_another_job_is_refused(
    run_command: Command, run_folder: Path, files: Path
) -> None:
    before = (run_folder / "manifest.json").read_bytes()
    arguments = ["--train", files / "train.csv", "--test", files / "test.csv", "--out", run_folder]
    again = run_command("train", *arguments, "--epochs", 4)
    assert again.returncode == 0
    assert "already holds this run" in again.stdout
    other = run_command("train", *arguments, "--epochs", 5)
    assert other.returncode == 2
    assert "choose another --out" in other.stderr
    assert (run_folder / "manifest.json").read_bytes() == before


def test_deterministic_training_repeats_itself_exactly(run_command: Command, files: Path, tmp_path: Path) -> None:
    figures: list[object] = []
    for name in ("one", "two"):
        arguments = ["--train", files / "small.csv", "--epochs", 1, "--seed", 3, "--out", tmp_path / name]
        done = run_command("train", *arguments, "--deterministic")
        assert done.returncode == 0, done.stderr
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        epochs = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in metrics["history"]]
        figures.append([epochs, metrics["evaluation"], metrics["temperature"]])
    assert figures[0] == figures[1]
    assert (tmp_path / "one" / "model.onnx").read_bytes() == (tmp_path / "two" / "model.onnx").read_bytes()


def test_report_is_written_again_from_the_run_folder_alone_without_keras(run_folder: Path, tmp_path: Path) -> None:
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
    run_in_process: Command, files: Path, tmp_path: Path
) -> None:
    network = tmp_path / "network.py"
    network.write_text(LINEAR)
    rows = (files / "small.csv").read_text().splitlines(keepends=True)
    (tmp_path / "train.csv").write_text("".join(rows[:301]))
    out = tmp_path / "runs" / "mine"
    command = ["train", "--train", tmp_path / "train.csv", "--model", network, "--epochs", 2, "--out", out]
    done = run_in_process(*command)
    assert done.returncode == 0, done.stderr
    assert "What more data brings" not in (out / "report.html").read_text(encoding="utf-8")

    done = run_in_process(*command, "--learning-curve")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.parent.iterdir()} == {"mine", "mine-100-rows", "mine-200-rows"}
    figures = [
        json.loads((out.with_name(name) / "manifest.json").read_text())["figures"]
        for name in ("mine-100-rows", "mine-200-rows", "mine")
    ]
    assert [figure["training_rows"] for figure in figures] == [100, 200, 270]
    assert {figure["total"] for figure in figures} == {30}
    assert len({figure["scored_sha256"] for figure in figures}) == 1
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "What more data brings" in html
    assert "mine-100-rows" in html

    refused = run_in_process(*command, "--learning-curve", "--epochs", 3)
    assert refused.returncode == 2
    assert "holds another run" in refused.stderr
    assert len(list(out.parent.iterdir())) == 3


def test_more_training_rows_than_there_are_is_told(run_command: Command, files: Path, tmp_path: Path) -> None:
    done = run_command("train", "--train", files / "small.csv", "--training-rows", 950, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "small.csv has 900 rows beside 100 for validation: training_rows = 950 is more than that" in done.stderr


def test_users_own_model_goes_all_the_way_and_is_compared(
    run_in_process: Command, run_folder: Path, files: Path, tmp_path: Path
) -> None:
    example = DOCS / "examples" / "my_model.py"
    out = tmp_path / "mine"
    arguments = ["--train", files / "train.csv", "--test", files / "test.csv", "--epochs", 6, "--out", out]
    done = run_in_process("train", *arguments, "--model", example)
    assert done.returncode == 0, done.stderr
    assert "SeparableConv2D" in (out / "report.html").read_text(encoding="utf-8")
    scored = run_in_process("evaluate", out, "--data", files / "labelled.csv", "--json")
    assert json.loads(scored.stdout)["accuracy"] > 0.8
    compared = run_in_process("compare", run_folder, out, "--out", tmp_path / "comparison", "--json")
    duel = json.loads(compared.stdout)["duels"][0]
    assert (duel["first"], duel["second"]) == ("first", "mine")
    assert "own file" in compared.stdout
    listed = run_in_process("runs", tmp_path).stdout
    assert "on 500 validation rows" in listed
    assert listed.splitlines()[-1].startswith("mine ")


def test_learning_goes_on_from_a_run(
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

    alone = run_in_process("train", "--start-from", run_folder, "--out", tmp_path / "other")
    nowhere = run_in_process(
        "train", "--start-from", files, "--train", tmp_path / "train.csv", "--out", tmp_path / "other"
    )
    other = run_in_process("train", *arguments, "--dense", 16, "--out", tmp_path / "other")
    assert alone.returncode == nowhere.returncode == other.returncode == 2
    assert "whose dense cannot be changed" in other.stderr
    assert "--start-from goes with --train" in alone.stderr
    assert "no finished run" in nowhere.stderr


def test_a_loss_that_overflows_is_told_and_leaves_no_run(run_in_process: Command, files: Path, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(LINEAR.replace("1 / 255", "1e38"))
    arguments = ["--train", files / "small.csv", "--model", tmp_path / "model.py", "--epochs", 1]
    done = run_in_process("train", *arguments, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: The loss of epoch 1 is nan")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


@pytest.mark.skipif(not 0 < MEMORY < 150 << 30, reason="a network too large for any memory would fit into this one")
def test_a_network_too_large_for_the_memory_is_told(run_command: Command, files: Path, tmp_path: Path) -> None:
    large = ["--filters", 4096, "--padding", "same", "--dense", 65536]  # 196 GiB of weights
    done = run_command("train", "--train", files / "small.csv", *large, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("", "has no function build"),
        ("def build(settings):\n    return 5\n", "must return a keras.Model"),
        ("def build(settings)\n    return 5\n", "line 1: SyntaxError"),
        ("import no_such_library\n", "line 1: ModuleNotFoundError"),
        (
            "import keras\ndef build(settings):\n    i = keras.Input((28, 28))\n"
            "    return keras.Model(i, keras.layers.Dense(10)(keras.layers.Flatten()(i)))\n",
            "softmax",
        ),
        (
            "import keras\ndef build(settings):\n    i = keras.Input((28, 28))\n"
            "    h = keras.layers.LSTM(4)(i)\n"
            "    return keras.Model(i, keras.layers.Dense(10, activation='softmax')(h))\n",
            "LSTM",
        ),
    ],
)
def test_wrong_model_file_is_told_before_the_training(
    run_in_process: Command, files: Path, tmp_path: Path, source: str, sentence: str
) -> None:
    model = tmp_path / "model.py"
    model.write_text(source)
    done = run_in_process("train", "--train", files / "small.csv", "--model", model, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


def test_nothing_but_the_sentence_is_printed_of_a_wrong_model_file(
    run_command: Command, files: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.py"
    model.write_text("def build(settings):\n    return 1 / 0\n")
    done = run_command("train", "--train", files / "small.csv", "--model", model, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.endswith("line 2: ZeroDivisionError: division by zero\n")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


def test_run_with_a_changed_byte_is_refused(
    run_command: Command, run_folder: Path, files: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(run_folder, changed)
    content = bytearray((changed / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (changed / "model.onnx").write_bytes(content)
    done = run_command("submit", changed, "--test", files / "test.csv", "-o", tmp_path / "submission.csv")
    assert done.returncode == 2
    assert "model.onnx" in done.stderr
    assert not (tmp_path / "submission.csv").exists()
