"""The Kaggle notebook, executed from top to bottom where Inkdigit comes from an attached wheel and pip is offline."""

from __future__ import annotations

import csv
import json
import sys
import venv
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.conftest import part
from tests.paths import ROOT

NOTEBOOK = ROOT / "notebooks" / "kaggle.ipynb"


def read_notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # pyright: ignore[reportUnknownMemberType]


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

    assert list((image / "lib").glob("python*/site-packages/inkdigit/cli.py")), "the wheel was not installed"
    with (working / "submission.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[0] == ["ImageId", "Label"]
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(1, 101)]
    (told,) = ("".join(output.text for output in cell.outputs) for cell in notebook.cells if cell.id == "train")
    assert "epoch 1/1" in told
    assert "\x1b[2K" not in told, "a moving bar fills a notebook with thousands of lines"
    shown = notebook.cells[-1].outputs[0].data["text/html"]
    assert "<iframe srcdoc=" in shown
    assert "Inkdigit: run" in shown


def test_notebook_reads_local_files_outside_kaggle_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (inputs,) = (cell.source for cell in read_notebook().cells if cell.id == "inputs")
    with pytest.raises(AssertionError, match="inkdigit data kaggle"):
        exec(inputs, {})
    kaggle_csv.write_csv(
        tmp_path / "data" / "train.csv", Dataset(np.zeros((1, 28, 28), np.uint8), np.zeros(1, int), "")
    )
    found: dict[str, Any] = {}
    exec(inputs, found)
    assert found["data"] == Path("data")
