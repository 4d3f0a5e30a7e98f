"""The wheel, in an empty virtual environment, reads a run and writes a submission."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from inkdigit.data import kaggle_csv
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import SHIPPED_RUN
from tests.paths import ROOT


def test_wheel_works_in_an_empty_environment(wheel: Path, files: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pins = ROOT / "constraints.txt"
    subprocess.run([programs / "pip", "install", "--quiet", "-c", pins, wheel], check=True, capture_output=True)
    packages = subprocess.run([programs / "pip", "list"], capture_output=True, text=True, check=True).stdout
    assert not {"keras", "tensorflow", "tensorflow-cpu", "matplotlib"} & set(packages.lower().split())

    submission = tmp_path / "submission.csv"
    command = [programs / "inkdigit", "submit", SHIPPED_RUN, "--test", files / "test.csv", "-o", submission]
    subprocess.run(command, check=True, cwd=tmp_path)
    expected = Recognizer.load(SHIPPED_RUN).predict(kaggle_csv.read_csv(files / "test.csv").images)
    assert submission.read_bytes() == kaggle_csv.submission_text(expected)
    training = subprocess.run(
        [programs / "inkdigit", "train", "--train", files / "small.csv"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert training.returncode == 2
    assert 'pip install "inkdigit[train]"' in training.stderr
    listed = subprocess.run([programs / "inkdigit", "runs", SHIPPED_RUN], capture_output=True, text=True, check=True)
    assert SHIPPED_RUN.name in listed.stdout
