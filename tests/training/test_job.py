"""A job as JSON, what makes it the same job, and the run that it becomes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.runs.build import build_folder
from inkdigit.runs.run import KERAS_MODEL, write_manifest
from inkdigit.training.config import Settings, preset
from inkdigit.training.job import (
    Job,
    JobData,
    finished_run,
    identity,
    is_done,
    job_to_json,
    load_data,
    member_folders,
    unfinished_job,
)
from tests.conftest import part
from tests.errors import refused
from tests.handmade import make_run


@pytest.fixture
def data(real_digits: Dataset) -> JobData:
    rows = part(real_digits, slice(200))
    return JobData(rows, part(rows, slice(20, None)), part(rows, slice(20)), None)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(Settings(), tmp_path / "run", train=tmp_path / "train.csv")


def leave_unfinished(job: Job, data: JobData) -> Path:
    """Leave behind what an interrupted process of this job does, after its first epoch; give the job file."""
    with suppress(KeyboardInterrupt), build_folder(job.out, job_to_json(job, data)) as folder:
        (folder / "checkpoints" / "training.npz").touch()
        raise KeyboardInterrupt
    return job.out.with_name(f".{job.out.name}.partial") / "job.json"


def test_an_interrupted_job_is_read_back(job: Job, data: JobData, tmp_path: Path, real_digits: Dataset) -> None:
    earlier = make_run(tmp_path / "earlier", part(real_digits, slice(100)), part(real_digits, slice(50)))
    (tmp_path / "network.py").write_text("def build(settings): ...")
    job = replace(
        job,
        settings=replace(preset("best"), seed=7),
        test=tmp_path / "test.csv",
        model_file=tmp_path / "network.py",
        teacher=earlier,
        member=3,
        folds=5,
        deterministic=True,
        tensorboard=tmp_path / "logs",
    )
    leave_unfinished(job, data)
    assert unfinished_job(job.out) == job


def test_files_are_stored_by_their_absolute_paths(
    data: JobData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = job_to_json(Job(Settings(), Path("run"), train=Path("train.csv")), data)
    assert stored["train"] == str(tmp_path / "train.csv")
    assert stored["test"] is None


REMOVED = object()


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("job", "identity", None),
        ("job", "identity", REMOVED),
        ("job", "train", 5),
        ("job", "test", ["test.csv"]),
        ("job", "teacher", REMOVED),
        ("identity", "settings", None),
        ("identity", "settings", []),
        ("identity", "member", "one"),
        ("identity", "folds", "5"),
        ("identity", "folds", REMOVED),
        ("identity", "deterministic", None),
    ],
)
def test_a_damaged_job_file_is_refused(job: Job, data: JobData, part: str, name: str, value: object) -> None:
    file = leave_unfinished(job, data)
    stored = json.loads(file.read_text())
    changed = stored["identity"] if part == "identity" else stored
    changed[name] = value
    if value is REMOVED:
        del changed[name]
    file.write_text(json.dumps(stored))
    with refused("job-damaged", job.out, file):
        unfinished_job(job.out)


@pytest.mark.parametrize("content", ["{", "[]", "null", "{}", '{"identity": {}}', '{"identity": {"settings": null}}'])
def test_a_job_file_that_holds_something_else_is_refused(job: Job, data: JobData, content: str) -> None:
    file = leave_unfinished(job, data)
    file.write_text(content)
    with refused("job-damaged", job.out, file):
        unfinished_job(job.out)


def test_a_job_with_unknown_settings_is_refused(job: Job, data: JobData) -> None:
    file = leave_unfinished(job, data)
    file.write_text(file.read_text().replace('"epochs"', '"epochen"'))
    with refused("setting-unknown", job.out, "epochen"):
        unfinished_job(job.out)


def test_no_unfinished_job_is_refused(job: Job, data: JobData) -> None:
    with refused("run-not-started", job.out):
        unfinished_job(job.out)
    job.out.mkdir()
    write_manifest(job.out, [], {})
    with refused("run-finished", job.out):
        unfinished_job(job.out)


def test_a_run_with_members_is_not_resumed_alone(job: Job) -> None:
    member_folders(job.out, 2)[0].mkdir()
    with refused("run-has-members", job.out):
        unfinished_job(job.out)


def test_members_lie_beside_their_average(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert member_folders(Path("runs/mine"), 2) == [
        tmp_path / "runs/mine-member-1",
        tmp_path / "runs/mine-member-2",
    ]


def test_every_part_of_a_job_is_in_its_identity(job: Job, data: JobData, tmp_path: Path, real_digits: Dataset) -> None:
    one, two = (
        make_run(tmp_path / name, part(real_digits, rows), part(real_digits, slice(50)))
        for name, rows in (("one", slice(100)), ("two", slice(200)))
    )
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(name)
    with_model = tmp_path / "with_keras_model"
    with_model.mkdir()
    (with_model / KERAS_MODEL).write_text("weights")
    write_manifest(with_model, [KERAS_MODEL], {})
    others = [
        (replace(job, settings=replace(job.settings, epochs=3)), data),
        (replace(job, model_file=tmp_path / "one.py"), data),
        (replace(job, model_file=tmp_path / "two.py"), data),
        (replace(job, teacher=one), data),
        (replace(job, teacher=two), data),
        (replace(job, start_from=with_model), data),
        (replace(job, member=1), data),
        (replace(job, folds=2), data),
        (replace(job, deterministic=True), data),
        (job, replace(data, rows=data.train)),
        (job, replace(data, test=data.validation)),
    ]
    identities = [json.dumps(identity(*other)) for other in [(job, data), *others]]
    assert len(set(identities)) == len(identities)

    moved = replace(job, out=tmp_path / "elsewhere", train=tmp_path / "copy.csv", tensorboard=tmp_path / "logs")
    assert identity(moved, data) == identity(job, data)  # where files lie makes no other job
    assert json.loads(identities[0]) == identity(job, data)


def test_the_run_of_the_same_job_is_found_again(job: Job, data: JobData) -> None:
    assert finished_run(job, data) is None
    job.out.mkdir()
    assert finished_run(job, data) is None
    write_manifest(job.out, [], identity(job, data))
    found = finished_run(job, data)
    assert found is not None
    assert found.folder == job.out


def test_a_run_of_an_older_version_without_newer_settings_is_found_again(job: Job, data: JobData) -> None:
    facts = identity(job, data)
    del facts["member"], facts["teacher"], facts["settings"]["real_ink"], facts["settings"]["members"]
    job.out.mkdir()
    write_manifest(job.out, [], facts)
    assert finished_run(job, data)


def test_a_folder_that_holds_something_else_is_refused(job: Job, data: JobData) -> None:
    job.out.mkdir()
    write_manifest(job.out, [], identity(job, data))
    with refused("run-folder-occupied", job.out):
        finished_run(replace(job, settings=replace(job.settings, seed=1)), data)
    (job.out / "manifest.json").rename(job.out / "notes.txt")
    with refused("run-folder-occupied", job.out):
        finished_run(job, data)
    with refused("run-folder-is-file", job.out / "notes.txt"):
        finished_run(replace(job, out=job.out / "notes.txt"), data)


def test_what_a_kill_in_the_last_moment_left_in_a_finished_run_is_removed(job: Job, data: JobData) -> None:
    assert not is_done(job, data)
    (job.out / "checkpoints").mkdir(parents=True)
    (job.out / "checkpoints" / "training.npz").touch()
    (job.out / "job.json").touch()
    job.out.with_name(".run.partial.lock").touch()
    write_manifest(job.out, [], identity(job, data))
    assert is_done(job, data)
    assert [path.name for path in job.out.iterdir()] == ["manifest.json"]
    assert [path.name for path in job.out.parent.iterdir()] == ["run"]


@pytest.mark.parametrize("option", ["teacher", "start_from"])
def test_rows_that_an_earlier_run_was_trained_on_are_not_held_out(
    real_digits: Dataset, tmp_path: Path, option: str
) -> None:
    rows, unknown = part(real_digits, slice(500)), part(real_digits, slice(100, 150))
    kaggle_csv.write_csv(tmp_path / "train.csv", rows)
    known = rows.take(np.r_[0:100, 150:500])
    earlier = make_run(tmp_path / "earlier", known, unknown)
    job = replace(Job(Settings(), tmp_path / "run", train=tmp_path / "train.csv"), **{option: earlier})
    data = load_data(job)
    assert sorted(data.validation.hashes) == sorted(unknown.hashes)
    assert sorted(data.train.hashes) == sorted(known.hashes)

    folds = load_data(replace(job, folds=2))
    assert folds.rows is folds.train is folds.validation
    assert len(folds.rows) == 500


def test_options_that_do_not_fit_together_are_refused(job: Job, tmp_path: Path) -> None:
    with refused("option-missing", "--test", "--train"):
        load_data(replace(job, train=None, test=tmp_path / "test.csv"))
    for other in (replace(job, train=None), replace(job, model_file=tmp_path / "network.py")):
        with refused("option-conflict", "--start-from"):
            load_data(replace(other, start_from=tmp_path))
