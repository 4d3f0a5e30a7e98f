"""`inkdigit export`: the model of a run as one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import ONNX_MODEL, SHIPPED_RUN
from tests.conftest import Command


def test_the_model_of_a_run_is_written_as_it_is(run_in_process: Command, tmp_path: Path) -> None:
    done = run_in_process("export", SHIPPED_RUN, "-o", tmp_path / "digits.onnx")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "digits.onnx").read_bytes() == (SHIPPED_RUN / ONNX_MODEL).read_bytes()


def test_an_8_bit_model_is_smaller_and_predicts_the_same(
    run_in_process: Command, files: Path, real_digits: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "digits.onnx"
    done = run_in_process("export", SHIPPED_RUN, "--int8", "--data", files / "small.csv", "-o", path)
    assert done.returncode == 0, done.stderr
    model = path.read_bytes()
    assert f"{len(model):,} bytes" in done.stdout
    assert len(model) < (SHIPPED_RUN / ONNX_MODEL).stat().st_size / 2
    images = real_digits.images[1000:1300]
    agreed = Recognizer(model).predict(images) == Recognizer.load(SHIPPED_RUN).predict(images)
    assert np.mean(agreed) > 0.98
