"""What a search keeps and decides, with made-up losses and no training."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import optuna
import pytest

from inkdigit.training.config import Settings
from inkdigit.tune.engine import EpochReport
from inkdigit.tune.results import TrialResult, ranked
from inkdigit.tune.study import Study
from tests.errors import refused
from tests.tune.studies import EPOCHS, OWN, SPACE, study, trained


def test_the_first_trial_is_the_settings_to_start_from(unbroken: list[TrialResult]) -> None:
    assert unbroken[0].point == OWN


def test_the_next_trials_lie_around_it(unbroken: list[TrialResult]) -> None:
    differing = [[name for name in OWN if trial.point[name] != OWN[name]] for trial in unbroken[1:11]]
    assert all(differing)
    assert sum(map(len, differing)) < 2 * len(differing)  # of four settings


def test_hopeless_trials_are_stopped_and_not_ranked(unbroken: list[TrialResult]) -> None:
    states = [trial.state for trial in unbroken]
    assert states[:4] == ["complete"] * 4
    assert "pruned" in states
    stopped = next(trial for trial in unbroken if trial.state == "pruned")
    assert len(stopped.curve) < EPOCHS
    assert stopped.loss == stopped.curve[-1]
    assert stopped not in [trial for _, trial in ranked(unbroken)]
    losses = [loss for loss, _ in ranked(unbroken)]
    assert losses == sorted(losses)


def test_a_trial_that_was_drawn_and_never_begun_is_begun(tmp_path: Path) -> None:
    search = study(tmp_path)
    trained(search, search.ask(OWN))
    search.study.enqueue_trial(OWN)
    search = study(tmp_path)
    assert (search.count_begun(), search.interrupted()) == (1, [])
    assert search.ask(OWN) == 1
    assert search.count_begun() == 2


def test_settings_that_cannot_be_trained_have_failed_and_are_not_tried_again(tmp_path: Path) -> None:
    search = study(tmp_path)
    search.fail(search.ask(OWN), "The memory does not suffice.")
    assert study(tmp_path).interrupted() == []
    assert search.ask(OWN) == 1
    assert search.point(1) != OWN
    failed, other = search.results()
    assert (failed.state, failed.error, failed.loss) == ("failed", "The memory does not suffice.", None)
    assert other.state == "unfinished"


def test_a_trial_with_a_loss_of_nan_has_failed(tmp_path: Path) -> None:
    search = study(tmp_path)
    assert not search.report(EpochReport(search.ask(OWN), 1, float("nan"), 0.5, 1.0), last=False)
    (failed,) = search.results()
    assert (failed.state, failed.error) == ("failed", "Its loss on the validation rows is nan.")


def test_a_trial_that_is_trained_again_is_judged_only_at_new_epochs(tmp_path: Path) -> None:
    search = study(tmp_path)
    for _ in range(5):
        trained(search, search.ask(OWN))
    number = search.ask(OWN)
    for epoch, value in ((1, 50.0), (2, 50.0), (3, 99.0)):  # the third would be stopped, but its process ended before
        search.open_trials[number].report(value, epoch)
    again = study(tmp_path)
    assert again.interrupted() == [number]
    assert again.report(EpochReport(number, 1, 50.0, 0.5, 1.0), last=False)
    assert again.report(EpochReport(number, 2, 50.0, 0.5, 2.0), last=False)
    assert not again.report(EpochReport(number, 3, 99.0, 0.7, 3.0), last=False)
    ended = again.results()[number]
    assert (ended.state, ended.accuracy, ended.seconds) == ("pruned", 0.7, 3.0)


@pytest.mark.parametrize("part", ["settings", "space", "train"])
def test_another_search_is_refused(part: str, tmp_path: Path) -> None:
    study(tmp_path)
    with refused("study-of-another-search", "study.db", part):
        study(tmp_path, **{part: {"seed": 4}})


def test_a_search_from_before_a_setting_was_there_goes_on(tmp_path: Path) -> None:
    settings = asdict(Settings())
    earlier = {name: value for name, value in settings.items() if name != "tta"}
    study(tmp_path, settings=json.loads(json.dumps(earlier)))
    study(tmp_path, settings=json.loads(json.dumps(settings)))
    with refused("study-of-another-search", "settings"):
        study(tmp_path, settings=json.loads(json.dumps(settings | {"tta": True})))


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("sqlite:////nowhere/at/all/study.db", "unable to open database file"),
        ("nodatabase://here", "nodatabase"),
        ("here", "URL"),
        ("redis://localhost", "Redis"),
        ("postgresql://user@host:port/digits", "port"),
        ("sqlite:///{1}.db", "index 1"),
    ],
)
def test_a_storage_that_cannot_be_used_is_refused(url: str, cause: str) -> None:
    with refused("storage-unusable", "the storage given", cause) as caught:
        Study(url, "digits", "the storage given", {"settings": {"seed": 0}}, SPACE, EPOCHS)
    assert "\n" not in str(caught.value)


def test_a_database_of_another_optuna_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    with closing(sqlite3.connect(tmp_path / "study.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'v9.9.9.a'")
    with refused("storage-unusable", "study.db"):
        study(tmp_path)


def test_a_study_with_another_goal_is_left_alone(tmp_path: Path) -> None:
    made = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}", study_name="digits", direction="maximize")
    with refused("study-of-another-search", "settings"):
        study(tmp_path)
    assert made.user_attrs == {}


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("no database " * 100)
    with refused("storage-unusable", "study.db"):
        study(tmp_path)
