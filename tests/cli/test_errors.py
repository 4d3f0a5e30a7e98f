"""What the commands answer to wrong files and options: exit code 2 and one line that names the place."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from inkdigit.runs.run import SHIPPED_RUN
from tests.conftest import Command
from tests.data.test_kaggle_csv import PIXELS

HEADER = ",".join(["label", *PIXELS])
ROW = "7," + ",".join(["0"] * 784)
BAD_ROW = ROW.replace(",0,", ",256,", 1)


def check_refused(done: subprocess.CompletedProcess[str], *places: object) -> None:
    """Check for exit code 2, nothing on standard output, and one line of error that names the places."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert all(str(place) in done.stderr for place in places), done.stderr


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "pixel over 255": ("bad.csv", f"{HEADER}\n{ROW}\n{BAD_ROW}\n".encode(), "line 3, column pixel0"),
    "no labels": ("bad.csv", f"{HEADER[6:]}\n{ROW[2:]}\n".encode(), "line 1"),
    "corrupt gz": ("bad.csv.gz", gzip.compress(ROW.encode() * 99)[:-20], ""),
    "corrupt npz": ("bad.npz", b"PK\x03\x04 and nothing more", ""),
    "corrupt parquet": ("bad.parquet", b"PAR1 and nothing more", ""),
    "another format": ("bad.xlsx", b"\xd0\xcf\x11\xe0\0", "Parquet"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused(run_in_process: Command, tmp_path: Path, case: str) -> None:
    name, content, place = BAD_FILES[case]
    (tmp_path / name).write_bytes(content)
    done = run_in_process("evaluate", SHIPPED_RUN, "--data", tmp_path / name)
    check_refused(done, tmp_path / name, place)


def test_training_and_submission_refuse_a_file_in_the_same_words(run_in_process: Command, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"{HEADER}\n{BAD_ROW}\n")
    training = run_in_process("train", "--train", path, "--out", tmp_path / "run")
    submission = run_in_process("submit", SHIPPED_RUN, "--test", path, "-o", tmp_path / "submission.csv")
    check_refused(training, path, "line 2, column pixel0")
    assert training.stderr == submission.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.csv"]


def test_a_missing_file_and_a_missing_run_are_named(run_in_process: Command, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    check_refused(run_in_process("evaluate", SHIPPED_RUN, "--data", absent), absent)
    check_refused(run_in_process("evaluate", absent, "--data", absent), absent)
    check_refused(run_in_process("evaluate", tmp_path, "--data", absent), tmp_path, "manifest.json")


@pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")
@pytest.mark.parametrize("command", [["report"], ["runs"], ["compare"], ["train", "--resume"]])
def test_a_link_to_itself_is_not_a_run(run_in_process: Command, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    check_refused(run_in_process(*command, tmp_path / "loop"), "loop")


@pytest.mark.parametrize("out", ["file", "file/run", "full"])
def test_a_run_folder_that_cannot_be_written_is_refused_before_the_training(
    run_in_process: Command, files: Path, tmp_path: Path, out: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    done = run_in_process("train", "--train", files / "small.csv", "--out", tmp_path / out)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {tmp_path / out}")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "full"}
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


def test_a_test_file_alone_is_refused_since_mnist_holds_its_labels(
    run_in_process: Command, files: Path, tmp_path: Path
) -> None:
    done = run_in_process("train", "--test", files / "test.csv", "--out", tmp_path / "run")
    check_refused(done, "--test", "--train")
    assert not (tmp_path / "run").exists()


def test_too_few_rows_are_refused(run_in_process: Command, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text(f"{HEADER}\n{ROW}\n")
    check_refused(run_in_process("train", "--train", tmp_path / "few.csv", "--out", tmp_path / "run"), "few.csv")


CONFLICTS: dict[str, list[str]] = {
    "--seed": ["train", "--resume", "runs/a", "--seed", "1"],
    "--engine ray": ["train", "--learning-curve", "--engine", "ray"],
    "--json": ["read", "a.png", "--form", "a.toml", "--json"],
    "--line": ["read", "a.png", "--form", "a.toml", "--line"],
    "--form": ["read", "a.png", "--review", "a.html"],
    "--model": ["read", "a.png", "--url", "http://127.0.0.1:9", "--model", "runs/a"],
    "--annotate": ["read", "a.png", "--single", "--annotate", "out"],
    "--int8": ["export", "runs/a", "--data", "a.csv", "-o", "a.onnx"],
}


@pytest.mark.parametrize("flag", CONFLICTS)
def test_options_that_do_not_go_together_are_refused(run_in_process: Command, tmp_path: Path, flag: str) -> None:
    check_refused(run_in_process(*CONFLICTS[flag], cwd=tmp_path), flag)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["train", "--preset", "faster"], ["train", "--epochs", "0"], ["train", "--seed", "-1"], ["tarin"]]
)
def test_wrong_options_exit_with_2(run_in_process: Command, arguments: list[str]) -> None:
    assert run_in_process(*arguments).returncode == 2
