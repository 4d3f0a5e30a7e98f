"""The wheel: in an empty virtual environment, and in the Kaggle notebook, where pip is offline."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from nbclient import NotebookClient

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import SHIPPED_RUN
from tests.conftest import Command, part
from tests.docs.notebook import read_notebook
from tests.paths import ROOT


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs the command of a virtual environment with the wheel and no extra."""
    folder = tmp_path_factory.mktemp("core") / "venv"
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    install = [programs / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True, capture_output=True, env=elsewhere)

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [programs / "inkdigit", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd or folder, env=elsewhere)

    return run


def test_the_core_writes_a_submission_and_lists_runs(core: Command, files: Path, tmp_path: Path) -> None:
    submission = tmp_path / "submission.csv"
    done = core("submit", SHIPPED_RUN, "--test", files / "test.csv", "-o", submission)
    assert done.returncode == 0, done.stderr
    expected = Recognizer.load(SHIPPED_RUN).predict(kaggle_csv.read_csv(files / "test.csv").images)
    assert submission.read_bytes() == kaggle_csv.submission_text(expected)
    assert SHIPPED_RUN.name in core("runs", SHIPPED_RUN).stdout


def test_the_core_finds_duplicates(core: Command, real_digits: Dataset, tmp_path: Path) -> None:
    kaggle_csv.write_csv(tmp_path / "train.csv", part(real_digits, slice(200)))
    done = core("audit", tmp_path / "train.csv", "--duplicates-only", "--out", tmp_path / "found")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "found").iterdir()] == ["duplicates.csv"]


NEEDS_EXTRA: dict[str, tuple[object, ...]] = {
    "train": ("train", "--train", "small.csv"),
    "tune": ("tune", "--train", "small.csv", "--out", "search"),
    "audit": ("audit", "small.csv"),
    "report": ("report", SHIPPED_RUN),
    "compare": ("compare", SHIPPED_RUN, SHIPPED_RUN),
    "synth": ("synth", "pages"),
    "read": ("read", "photo.jpg"),
    "bulk": ("bulk", "small.csv", "answers"),
    "serve": ("serve",),
}


@pytest.mark.parametrize("command", NEEDS_EXTRA)
def test_a_command_names_the_extra_that_it_needs(core: Command, files: Path, command: str) -> None:
    done = core(*NEEDS_EXTRA[command], cwd=files)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "inkdigit[' in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A Python as on Kaggle: the libraries of this one, without Inkdigit."""
    venv.create(tmp_path / "image", with_pip=False)
    ours, its = (
        Path(prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        for prefix in (sys.prefix, tmp_path / "image")
    )
    for entry in ours.iterdir():
        if "inkdigit" not in entry.name:
            (its / entry.name).symlink_to(entry)
    return tmp_path / "image"


@pytest.fixture
def kernel(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Jupyter kernel in that Python, far from the repository and from every package index."""
    folder = tmp_path / "jupyter" / "kernels" / "kaggle"
    folder.mkdir(parents=True)
    command = [str(image / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "Kaggle", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for variable in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    return "kaggle"


@pytest.mark.skipif(sys.platform == "win32", reason="stands in for Kaggle's image with symbolic links")
def test_notebook_leaves_a_submission_and_shows_the_report(
    kernel: str, image: Path, wheel: Path, real_digits: Dataset, tmp_path: Path
) -> None:
    attached, working = tmp_path / "input", tmp_path / "working"
    working.mkdir()
    (attached / "wheels").mkdir(parents=True)
    (attached / "wheels" / wheel.name).write_bytes(wheel.read_bytes())
    digits = attached / "competitions" / "digit-recognizer"
    kaggle_csv.write_csv(digits / "train.csv", part(real_digits, slice(300)))
    kaggle_csv.write_csv(digits / "test.csv", part(real_digits, slice(300, 400), labelled=False))

    notebook = read_notebook()
    for cell in notebook.cells:
        cell.source = cell.source.replace("/kaggle/input", str(attached)).replace("--seed 0", "--seed 0 --epochs 1")
    NotebookClient(notebook, kernel_name=kernel, resources={"metadata": {"path": str(working)}}).execute()

    assert list((image / "lib").glob("python*/site-packages/inkdigit/__init__.py")), "the wheel was not installed"
    with (working / "submission.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[0] == ["ImageId", "Label"]
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(1, 101)]
    (printed,) = ("".join(output.text for output in cell.outputs) for cell in notebook.cells if cell.id == "train")
    assert "epoch 1/1" in printed
    assert "\x1b[2K" not in printed, "a moving bar fills a notebook with thousands of lines"
    shown = notebook.cells[-1].outputs[0].data["text/html"]
    assert "<iframe srcdoc=" in shown
    assert "Inkdigit: run" in shown
