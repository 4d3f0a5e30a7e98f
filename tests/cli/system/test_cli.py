"""The command itself: what it imports, what it says to bad input, with which exit code."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.runs.run import SHIPPED_RUN
from tests.conftest import Command

HEADER = "label," + ",".join(f"pixel{i}" for i in range(784))
ROW = "7," + ",".join(["0"] * 784)


def with_cell(column: int, value: str) -> str:
    cells = ROW.split(",")
    cells[column] = value
    return f"{HEADER}\n{ROW}\n{','.join(cells)}\n"


def saved(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


BAD_FILES: dict[str, tuple[str, bytes, list[str]]] = {
    "empty": ("bad.csv", b"", ["bad.csv", "empty"]),
    "header alone": ("bad.csv", f"{HEADER}\n".encode(), ["bad.csv", "no rows"]),
    "no label column": ("bad.csv", f"{HEADER[6:]}\n{ROW[2:]}\n".encode(), ["bad.csv", "line 1", "no label column"]),
    "missing column": ("bad.csv", f"{HEADER[:-9]}\n".encode(), ["bad.csv", "line 1", "pixel783"]),
    "extra column": ("bad.csv", f"{HEADER},more\n{ROW},1\n".encode(), ["bad.csv", "line 1", "more"]),
    "misnamed column": ("bad.csv", HEADER.replace("pixel5,", "pixl5,").encode(), ["bad.csv", "line 1", "pixl5"]),
    "short row": ("bad.csv", f"{HEADER}\n{ROW[:-2]}\n".encode(), ["bad.csv", "line 2", "pixel783"]),
    "blank pixel": ("bad.csv", with_cell(10, "").encode(), ["bad.csv", "line 3", "pixel9"]),
    "fractional pixel": ("bad.csv", with_cell(10, "0.5").encode(), ["bad.csv", "line 3", "pixel9", "0.5"]),
    "negative pixel": ("bad.csv", with_cell(10, "-1").encode(), ["bad.csv", "line 3", "pixel9", "-1"]),
    "pixel over 255": ("bad.csv", with_cell(10, "256").encode(), ["bad.csv", "line 3", "pixel9", "256"]),
    "label over 9": ("bad.csv", with_cell(0, "10").encode(), ["bad.csv", "line 3", "label", "10"]),
    "label no number": ("bad.csv", with_cell(0, "seven").encode(), ["bad.csv", "line 3", "label", "seven"]),
    "text": ("bad.csv", b"Dear all,\nhere are the digits.\n", ["bad.csv", "line 1"]),
    "picture": ("bad.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), ["bad.csv"]),
    "corrupt gz": ("bad.csv.gz", gzip.compress(ROW.encode() * 99)[:-20], ["bad.csv.gz"]),
    "corrupt npz": ("bad.npz", b"PK\x03\x04 and nothing more", ["bad.npz", "damaged"]),
    "corrupt parquet": ("bad.parquet", b"PAR1 and nothing more", ["bad.parquet", "damaged"]),
    "pickled npz": ("bad.npz", saved(x=np.array([{}])), ["bad.npz", "x", "pickled"]),
    "scaled npz": ("bad.npz", saved(x=np.full((2, 28, 28), 0.5)), ["bad.npz", "x", "image 1", "pixel0", "0.5"]),
    "unlabelled npz": ("bad.npz", saved(x=np.zeros((2, 28, 28))), ["bad.npz", "no labels"]),
    "short IDX": ("bad-idx3-ubyte", b"\0\0\x08\x03\0\0\0\2\0\0\0\x1c\0\0\0\x1c", ["bad-idx3-ubyte", "ends before"]),
    "other format": ("bad.xlsx", b"\xd0\xcf\x11\xe0\0", ["bad.xlsx", "CSV", "IDX", "npz", "Parquet", "folder"]),
    "corrupt zip": ("bad.zip", b"PK\x03\x04 and nothing more", ["bad.zip"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_gets_one_sentence_and_exit_code_2(run_in_process: Command, tmp_path: Path, case: str) -> None:
    name, content, words = BAD_FILES[case]
    (tmp_path / name).write_bytes(content)
    done = run_in_process("evaluate", SHIPPED_RUN, "--data", tmp_path / name)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words), done.stderr


def test_same_sentences_before_a_training_and_before_a_submission(run_command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(with_cell(10, "256"))
    training = run_command("train", "--train", tmp_path / "bad.csv", "--out", tmp_path / "run")
    submission = run_command("submit", SHIPPED_RUN, "--test", tmp_path / "bad.csv", "-o", tmp_path / "submission.csv")
    assert training.returncode == submission.returncode == 2
    assert "line 3, column pixel9" in training.stderr
    assert training.stderr == submission.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_missing_file_and_missing_run_are_named(run_command: Command, files: Path, tmp_path: Path) -> None:
    no_file = run_command("evaluate", SHIPPED_RUN, "--data", tmp_path / "absent.csv")
    no_run = run_command("evaluate", tmp_path / "absent", "--data", files / "labelled.csv")
    empty = run_command("evaluate", tmp_path, "--data", files / "labelled.csv")
    assert {no_file.returncode, no_run.returncode, empty.returncode} == {2}
    assert "absent.csv does not exist" in no_file.stderr
    assert "absent is not a folder" in no_run.stderr
    assert "manifest.json is missing" in empty.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")
@pytest.mark.parametrize("command", [["report"], ["runs"], ["compare"], ["train", "--resume"]])
def test_a_link_to_itself_is_no_run(run_command: Command, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    done = run_command(*command, tmp_path / "loop")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_output_that_cannot_be_written_is_told_before_the_training(
    run_command: Command, files: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    for out in ("file", "file/run", "full"):
        done = run_command("train", "--train", files / "small.csv", "--out", tmp_path / out)
        assert done.returncode == 2
        assert done.stderr.startswith(f"Error: {tmp_path / out}"), done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"file", "full"}
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


def test_a_test_file_alone_is_refused_since_mnist_holds_its_answers(
    run_command: Command, files: Path, tmp_path: Path
) -> None:
    done = run_command("train", "--test", files / "test.csv", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "--test needs --train" in done.stderr
    assert not (tmp_path / "run").exists()


def test_too_few_rows_are_refused(run_command: Command, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text(f"{HEADER}\n{ROW}\n")
    done = run_command("train", "--train", tmp_path / "few.csv", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "few.csv has 1 row" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["train", "--preset", "faster"], ["train", "--epochs", "0"], ["train", "--seed", "-1"], ["tarin"]]
)
def test_wrong_options_exit_with_2(run_command: Command, arguments: list[str]) -> None:
    done = run_command(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_help_and_import_are_light() -> None:
    script = (
        "import sys, inkdigit, inkdigit.cli\n"
        "inkdigit.Recognizer\n"
        "inkdigit.cli.main(['train', '--help'], standalone_mode=False)\n"
        "heavy = {'keras', 'tensorflow', 'matplotlib', 'cv2', 'onnxruntime'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--preset" in done.stdout
