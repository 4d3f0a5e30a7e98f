"""What a run says about the rows that its networks were trained on. All trainings are linear and short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.runs.predictions import read_predictions, trained_hashes
from inkdigit.runs.run import Run, run_summary
from inkdigit.training import pipeline
from inkdigit.training.config import Settings
from inkdigit.training.job import Job, JobData, divide_rows
from inkdigit.training.progress import no_progress
from inkdigit.utils.progress import Stopwatch
from tests.conftest import part
from tests.handmade import make_run

SETTINGS = Settings(epochs=1)
Train = Callable[..., Run]


@pytest.fixture
def train(tmp_path: Path, network: Path) -> Train:
    """Train on some rows, in this process."""

    def run(data: JobData, **changes: Any) -> Run:
        job = replace(Job(SETTINGS, tmp_path / "run", model_file=network), **changes)
        return pipeline.run_on(job, data, Stopwatch(show=repr), no_progress)

    return run


def test_a_refitted_run_is_scored_by_the_network_before_it(train: Train, real_digits: Dataset) -> None:
    data = JobData(*divide_rows(part(real_digits, slice(150)), SETTINGS), None)
    run = train(data, settings=replace(SETTINGS, refit=True))
    kept = read_predictions(run.folder)
    assert sorted(kept.trained_on) == sorted(data.train.hashes)
    assert sorted(kept.model_trained_on) == sorted(data.rows.hashes)
    np.testing.assert_array_equal(kept.scored, data.validation.hashes)

    figures = run.manifest["figures"]
    assert figures["training_rows"] == 135
    assert (figures["total"], figures["scored"], figures["scored_known"]) == (15, "15 validation rows", 0)
    assert figures["accuracy"] == pytest.approx(1 - kept.wrong.mean())
    assert figures["scored_sha256"] == data.validation.fingerprint
    lines = run_summary(run).splitlines()
    assert any(line.startswith("  Refit on all rows") for line in lines)


def test_a_run_whose_teacher_knew_validation_rows_says_so(train: Train, real_digits: Dataset, tmp_path: Path) -> None:
    rows = part(real_digits, slice(150))
    teacher = make_run(tmp_path / "teacher", part(real_digits, slice(140)), part(real_digits, slice(140, 150)))
    known = np.isin(rows.hashes, trained_hashes(teacher))
    data = JobData(*divide_rows(rows, SETTINGS, known), None)
    run = train(data, teacher=teacher, settings=SETTINGS)
    figures = run.manifest["figures"]
    assert (figures["total"], figures["scored_known"]) == (15, 5)  # ten rows are new, and fifteen are held out
    assert figures["scored"].startswith("15 validation rows, 5 of which ")
    assert figures["scored"] in run_summary(run)
    assert "5 of which" in (run.folder / "report.html").read_text(encoding="utf-8")
    assert set(trained_hashes(run.folder)) == set(rows.hashes[known]) | set(data.train.hashes)
