"""The loop of a search and what it writes, with made-up losses: no trial is trained."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from inkdigit.training.config import Settings, from_file, with_values
from inkdigit.tune import local, search, space
from inkdigit.tune.search import SearchConfig, load_rows, run
from inkdigit.tune.space import Range
from inkdigit.utils.hardware import cpu_cores
from tests.errors import refused
from tests.tune.runners import FakeRunner

TRIALS = 4


def loss(settings: Settings, epoch: int) -> float:
    return 1 / epoch + settings.dropout


@pytest.fixture
def config(files: Path, tmp_path: Path) -> SearchConfig:
    """A search that is not begun, of two epochs a trial."""
    searched = space.Space({"dropout": Range(0.1, 0.6)})
    return SearchConfig(Settings(), searched, tmp_path / "found", files / "small.csv", trial_epochs=2, trials=TRIALS)


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the page, which takes longer than the search; the first test writes it."""

    def write_nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(search, "write_page", write_nothing)


def trials(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def no_trial(config: SearchConfig) -> SearchConfig:
    """The same, with a time that is up at once."""
    return replace(config, minutes=1e-9)


def test_a_search_ends_with_a_table_settings_and_a_page(config: SearchConfig) -> None:
    said = run(config, FakeRunner(loss).open)
    rows = trials(config.out)
    assert [(row["trial"], row["state"], row["epochs"]) for row in rows] == [
        (str(number), "complete", "2") for number in range(TRIALS)
    ]
    assert rows[0]["dropout"] == "0.5"  # of the settings to start from
    best = min(rows, key=lambda row: float(row["loss"]))
    assert said.startswith(f"Best of {TRIALS}: trial {best['trial']}, loss {float(best['loss']):.4f}")
    settings = from_file(config.out / "best.toml", None)
    assert settings.dropout == float(best["dropout"])
    assert settings.epochs == Settings().epochs  # not the trials'
    assert {path.name for path in config.out.iterdir()} == {"study.db", "best.toml", "trials.csv", "report.html"}


@pytest.mark.usefixtures("no_page")
def test_a_finished_search_is_not_done_again_and_a_larger_one_goes_on(config: SearchConfig) -> None:
    run(config, FakeRunner(loss).open)
    before = trials(config.out)
    again, more = FakeRunner(loss), FakeRunner(loss, slots=2)
    run(config, again.open)
    assert again.started == []
    run(replace(config, trials=TRIALS + 2), more.open)
    assert more.started == [TRIALS, TRIALS + 1]
    assert trials(config.out)[:TRIALS] == before


@pytest.mark.usefixtures("no_page")
def test_a_trial_whose_process_is_lost_is_trained_again_and_given_up_after_three(config: SearchConfig) -> None:
    runner = FakeRunner(loss, lose={1: 2, 2: 3})
    run(config, runner.open)
    assert runner.started == [0, 1, 1, 1, 2, 2, 2, 3]
    assert [row["state"] for row in trials(config.out)] == ["complete", "complete", "failed", "complete"]


@pytest.mark.usefixtures("no_page")
def test_a_trial_that_cannot_be_trained_has_failed(config: SearchConfig) -> None:
    run(config, FakeRunner(loss, error={1: "The memory does not suffice."}).open)
    assert [row["state"] for row in trials(config.out)] == ["complete", "failed", "complete", "complete"]
    assert trials(config.out)[1]["why"] == "The memory does not suffice."


@pytest.mark.usefixtures("no_page")
def test_an_interrupted_search_says_how_to_go_on_and_trains_the_interrupted_trial_again(config: SearchConfig) -> None:
    def interrupted(settings: Settings, epoch: int) -> float:
        if len(first.started) == 3:
            raise KeyboardInterrupt
        return loss(settings, epoch)

    first, second = FakeRunner(interrupted), FakeRunner(loss)
    with pytest.raises(KeyboardInterrupt, match=r"trials\.csv"):
        run(config, first.open)
    assert [row["state"] for row in trials(config.out)] == ["complete", "complete", "unfinished"]
    run(config, second.open)
    assert second.started == [2, 3]


def test_when_the_time_is_up_no_trial_is_begun(config: SearchConfig) -> None:
    runner = FakeRunner(loss)
    said = run(no_trial(config), runner.open)
    assert runner.started == []
    assert str(config.out / "trials.csv") in said
    assert {path.name for path in config.out.iterdir()} == {"study.db", "trials.csv"}


@pytest.mark.usefixtures("no_page")
def test_an_infinite_time_is_taken(config: SearchConfig) -> None:
    runner = FakeRunner(loss)
    run(replace(config, minutes=math.inf, trials=1), runner.open)
    assert runner.started == [0]


def test_a_folder_with_other_things_is_left_alone(config: SearchConfig) -> None:
    config.out.mkdir()
    (config.out / "thesis.txt").touch()
    with refused("out-occupied", config.out, "thesis.txt"):
        run(config, FakeRunner(loss).open)
    assert [path.name for path in config.out.iterdir()] == ["thesis.txt"]


def test_a_folder_with_another_search_is_left_alone(config: SearchConfig) -> None:
    run(no_trial(config), FakeRunner(loss).open)
    before = (config.out / "study.db").read_bytes()
    other = replace(config, base=with_values(config.base, {"batch_size": 32}, "here"))
    with refused("study-of-another-search", config.out / "study.db", "settings"):
        run(other, FakeRunner(loss).open)
    assert (config.out / "study.db").read_bytes() == before


def test_more_jobs_than_cores_are_refused() -> None:
    with refused("jobs-exceed-cores", f"--jobs {cpu_cores() + 1}"):
        local.local_engine(cpu_cores() + 1)


def test_a_storage_that_cannot_be_used_leaves_no_folder(config: SearchConfig) -> None:
    with refused("storage-unusable", "the storage given"):
        run(replace(config, storage="sqlite:////nowhere/at/all.db"), FakeRunner(loss).open)
    assert not config.out.exists()


def test_a_study_may_be_kept_elsewhere_under_a_name(config: SearchConfig, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    for name in ("digits", "others"):
        run(replace(no_trial(config), storage=storage, study=name), FakeRunner(loss).open)
    assert {path.name for path in config.out.iterdir()} == {"trials.csv"}
    assert optuna.get_all_study_names(storage) == ["digits", "others"]


@pytest.mark.parametrize("name", ["x{1}", "q?1", "a%20b", "a b", "é#@:&"])
def test_a_folder_may_have_any_name(name: str, config: SearchConfig) -> None:
    out = config.out / name
    run(replace(no_trial(config), out=out), FakeRunner(loss).open)
    assert list(config.out.iterdir()) == [out]
    assert {path.name for path in out.iterdir()} == {"study.db", "trials.csv"}


def test_no_trial_is_trained_on_a_row_that_it_is_scored_on(config: SearchConfig) -> None:
    data, used = load_rows(config)
    assert len(data.validation) == len(used) // 10
    assert not set(data.train.hashes) & set(data.validation.hashes)
    assert set(data.train.hashes) | set(data.validation.hashes) == set(used.hashes)
