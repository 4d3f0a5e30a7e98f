"""Searches as a user starts them: whole ones, ones that are cut short, and ones that cannot be."""

from __future__ import annotations

import csv
import math
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import optuna
import psutil
import pytest

from inkdigit.errors import InkdigitError
from inkdigit.training.config import Settings, from_file, with_values
from inkdigit.tune import local, space
from inkdigit.tune.search import Job, run
from inkdigit.tune.search import rows_of as search_rows
from tests.conftest import Command
from tests.tune.conftest import TRIALS

FOUND = {"study.db", "best.toml", "trials.csv", "report.html"}


@contextmanager
def started(*arguments: object) -> Generator[subprocess.Popen[str]]:
    """A search in its own process, whose output can be read as it comes."""
    command = [sys.executable, "-u", "-m", "inkdigit", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    """The process's lines up to one with these words."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    assert process.stderr
    raise AssertionError(f"it ended without “{words}”: {process.stderr.read()}")


def trainer(process: subprocess.Popen[str]) -> psutil.Process:
    """The process that trains for a search."""
    children = psutil.Process(process.pid).children(recursive=True)
    return next(child for child in children if "spawn_main" in " ".join(child.cmdline()))


def rows(folder: Path) -> list[dict[str, str]]:
    """The table of trials, without what the clock says."""
    with (folder / "trials.csv").open(encoding="utf-8") as file:
        return [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def test_a_search_ends_with_settings_a_table_and_a_page(run_command: Command, unbroken: Path) -> None:
    assert {path.name for path in unbroken.iterdir()} == FOUND
    trials = rows(unbroken)
    assert [row["trial"] for row in trials] == list(map(str, range(TRIALS)))
    assert (trials[0]["learning_rate"], trials[0]["dropout"], trials[0]["optimizer"]) == ("0.001", "0.5", "adam")
    best = min((row for row in trials if row["state"] == "complete"), key=lambda row: float(row["loss"]))
    settings = from_file(unbroken / "best.toml", None)
    assert settings.optimizer == best["optimizer"]
    assert settings.learning_rate == float(best["learning_rate"])
    assert (settings.validation_share, settings.epochs) == (0.04, 3)
    assert float(best["accuracy"]) > 0.6
    taken = run_command("train", "--config", unbroken / "best.toml", "--print-config")
    assert taken.returncode == 0
    assert f"learning_rate = {best['learning_rate']}" in taken.stdout


def test_killed_trainers_and_a_killed_search_cost_no_finished_trial(
    run_command: Command, search: list[object], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    with started(*search, "--out", out) as process:
        read_until(process, "Trial 0")
        trainer(process).kill()
        told = read_until(process, "Trial 1: loss")
        assert any("what trained it is gone; it is trained again" in line for line in told)
        second = run_command(*search, "--out", out)
        at_work = trainer(process)
        os.kill(process.pid, signal.SIGKILL)
        assert not psutil.wait_procs([at_work], timeout=60)[1]  # it does not outlive the search
    assert second.returncode == 2
    assert "another process" in second.stderr
    done = run_command(*search, "--out", out)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    begun = next(n for n, line in enumerate(lines) if "trials were done before" in line)
    told = [line.split(":")[0].split(" (")[0] for line in lines[begun:] if line.startswith("Trial ")]
    finished = int(lines[begun].split()[0])
    assert finished >= 2
    assert told == [f"Trial {number}" for number in range(finished, TRIALS)]
    assert rows(out) == rows(unbroken)
    assert {path.name for path in out.iterdir()} == FOUND


def test_ctrl_c_says_how_to_go_on_and_keeps_what_was_found(search: list[object], tmp_path: Path) -> None:
    out = tmp_path / "found"
    with started(*search[:-1], 1000, "--out", out) as process:
        read_until(process, "Trial 0")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 130
    assert stderr.startswith("Interrupted. To go on, give the same command again.\n")
    assert {path.name for path in out.iterdir()} == FOUND
    assert rows(out)[0]["state"] == "complete"


def test_a_finished_search_is_done_no_more_and_a_larger_one_goes_on(
    run_command: Command, search: list[object], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    shutil.copytree(unbroken, out)
    jobs = min(2, local.cpu_cores())
    done = run_command(*search[:-1], TRIALS + 2, "--jobs", jobs, "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"{TRIALS} trials were done before." in done.stdout
    assert sorted(line[:7] for line in done.stdout.splitlines() if line.startswith("Trial ")) == ["Trial 5", "Trial 6"]
    more = rows(out)
    assert more[:TRIALS] == rows(unbroken)
    again = run_command(*search, "--out", out)
    assert again.returncode == 0
    assert "Trial " not in again.stdout.replace("Trials", "")
    assert rows(out) == more


@pytest.fixture
def job(files: Path, tmp_path: Path) -> Job:
    """A search that is not begun."""
    base = Settings()
    return Job(base, space.default(base), tmp_path / "found", files / "small.csv", trial_epochs=1, trials=1)


def refusal(job: Job) -> str:
    with pytest.raises(InkdigitError) as raised:
        run(job)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_when_the_time_is_up_no_trial_is_begun(job: Job) -> None:
    told = run(replace(job, minutes=1e-9))
    assert told.startswith("No trial has come to its last epoch yet.")
    assert {path.name for path in job.out.iterdir()} == {"study.db", "trials.csv"}


def test_a_folder_with_other_things_is_left_alone(job: Job) -> None:
    job.out.mkdir()
    (job.out / "thesis.txt").touch()
    assert f"{job.out} holds other things, such as thesis.txt" in refusal(job)
    assert [path.name for path in job.out.iterdir()] == ["thesis.txt"]


def test_a_folder_with_another_search_is_left_alone(job: Job) -> None:
    run(replace(job, minutes=1e-9))
    before = (job.out / "study.db").read_bytes()
    other = with_values(job.base, {"batch_size": 32}, "here")
    told = refusal(replace(job, base=other, space=space.default(other)))
    assert f"{job.out / 'study.db'} holds a search found with other settings and space" in told
    assert (job.out / "study.db").read_bytes() == before


def test_more_jobs_than_cores_are_refused(job: Job) -> None:
    assert f"would share out {local.cpu_cores()} cores" in refusal(replace(job, jobs=local.cpu_cores() + 1))
    assert not job.out.exists()


def test_a_storage_that_cannot_be_used_leaves_no_folder(job: Job) -> None:
    assert "cannot be kept in the storage given" in refusal(replace(job, storage="sqlite:////nowhere/at/all.db"))
    assert not job.out.exists()


def test_too_few_rows_are_told(job: Job) -> None:
    assert "training_rows = 5000 is more than that" in refusal(replace(job, trial_rows=5000))


def test_a_study_may_be_kept_elsewhere_under_a_name(job: Job, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    elsewhere = replace(job, minutes=1e-9, storage=storage, study="digits")
    run(elsewhere)
    run(replace(elsewhere, study="others"))
    assert {path.name for path in job.out.iterdir()} == {"trials.csv"}
    assert optuna.get_all_study_names(storage) == ["digits", "others"]


@pytest.mark.parametrize("name", ["x{1}", "q?1", "a%20b", "a b", "é#@:&"])
def test_any_folder_will_do(name: str, job: Job) -> None:
    out = job.out / name
    run(replace(job, out=out, minutes=1e-9))
    assert list(job.out.iterdir()) == [out]
    assert {path.name for path in out.iterdir()} == {"study.db", "trials.csv"}


def test_any_time_will_do(job: Job) -> None:
    base = with_values(job.base, {"filters": "4", "dense": 0, "training_rows": 100}, "here")
    told = run(replace(job, base=base, space=space.default(base), minutes=math.inf))
    assert told.startswith("Best of 1: trial 0")


def test_no_trial_sees_a_row_it_is_judged_by(job: Job) -> None:
    rows, used = search_rows(job)
    assert len(rows.validation) == len(used) // 10
    assert not set(rows.train.hashes) & set(rows.validation.hashes)


def test_the_space_is_printed_and_nothing_is_begun(run_command: Command, tmp_path: Path) -> None:
    done = run_command("tune", "--preset", "tiny", "--print-space", cwd=tmp_path)
    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["learning_rate"] == {"low": 0.0005, "high": 0.05, "log": True}
    assert list(tmp_path.iterdir()) == []
