"""Kaggle's real client: with a server of ours that replies as Kaggle does, and without login or connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.conftest import Command, part
from tests.handmade import make_run
from tests.kaggle_server import SUBMITTED, Kaggle, serving

RULES = "https://www.kaggle.com/competitions/digit-recognizer/rules"
SETTINGS = "https://www.kaggle.com/settings"
NOT_ACCEPTED = "You must accept this competition's rules before you'll be able to download files."


def noise(count: int) -> NDArray[np.uint8]:
    """Images of random pixels, (count, 28, 28)."""
    return np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)


@pytest.fixture(autouse=True)
def no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without any of Kaggle's files and variables."""
    for variable in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.setenv("INKDIGIT_CACHE", str(tmp_path / "cache"))
    for variable in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    """Kaggle, its rules accepted, the user's token set."""
    rows = Dataset(noise(12), np.arange(12) % 10, "noise")
    unlabelled = Dataset(noise(5), None, "noise")
    files = {
        "train.csv": b"".join(kaggle_csv.csv_text(rows)),
        "test.csv": b"".join(kaggle_csv.csv_text(unlabelled)),
        "sample_submission.csv": kaggle_csv.submission_text(np.zeros(5, np.int64)),
    }
    with serving(files) as site:
        for variable, value in site.environment.items():
            monkeypatch.setenv(variable, value)
        yield site


@pytest.fixture
def run(tmp_path: Path, real_digits: Dataset) -> Path:
    """A run with a small model."""
    return make_run(tmp_path / "linear", part(real_digits, slice(500)), part(real_digits, slice(500, 600)))


def test_competitions_files_arrive_as_they_are(run_command: Command, site: Kaggle, tmp_path: Path) -> None:
    done = run_command("data", "kaggle", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"--train {Path('data/train.csv')} --test {Path('data/test.csv')}" in done.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == site.files


def test_nothing_is_overwritten(run_command: Command, site: Kaggle, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("mine")
    done = run_command("data", "kaggle", "--to", tmp_path)
    assert done.returncode == 2
    one_sentence(done.stderr, done.returncode, [str(tmp_path / "test.csv")])
    assert (tmp_path / "test.csv").read_text() == "mine"
    assert not (tmp_path / "train.csv").exists()


def test_archive_without_the_files_leaves_nothing(run_command: Command, site: Kaggle, tmp_path: Path) -> None:
    del site.files["test.csv"]
    done = run_command("data", "kaggle", "--to", tmp_path / "data")
    one_sentence(done.stderr, done.returncode, ["train.csv, test.csv", "digit-recognizer/data"])
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(("message", "shown"), [(["-m", "ten filters more"], "ten filters more"), ([], "linear")])
def test_upload_hands_kaggle_the_submission_and_the_message(
    run_command: Command, site: Kaggle, run: Path, tmp_path: Path, message: list[str], shown: str
) -> None:
    (tmp_path / "test.csv").write_bytes(site.files["test.csv"])
    done = run_command("submit", run, "--test", "test.csv", "--upload", *message, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert SUBMITTED in done.stdout
    assert site.submissions == [(shown, (tmp_path / "submission.csv").read_bytes())]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, NOT_ACCEPTED, [NOT_ACCEPTED[:-1], RULES]),
        (401, "Unauthenticated", ["token", SETTINGS]),
        (500, "Out of order.", ["500", "Out of order", "competitions/digit-recognizer"]),
    ],
)
def test_a_refusal_is_one_sentence_with_the_page_that_helps(
    run_command: Command, site: Kaggle, tmp_path: Path, status: int, reason: str, words: list[str]
) -> None:
    site.refusals["DownloadDataFiles"] = (status, reason)
    done = run_command("data", "kaggle", cwd=tmp_path)
    one_sentence(done.stderr, done.returncode, words)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("operation", "status", "reason", "words"),
    [
        ("StartSubmissionUpload", 403, NOT_ACCEPTED, [RULES]),
        ("upload", 410, "", ["submission.csv", "digit-recognizer/submit"]),
        ("CreateSubmission", 400, "Your team has used its daily Submission allowance (5)", ["allowance (5)"]),
    ],
)
def test_after_a_refused_upload_the_submission_stays(
    run_command: Command,
    site: Kaggle,
    run: Path,
    tmp_path: Path,
    operation: str,
    status: int,
    reason: str,
    words: list[str],
) -> None:
    site.refusals[operation] = (status, reason)
    (tmp_path / "test.csv").write_bytes(site.files["test.csv"])
    done = run_command("submit", run, "--test", "test.csv", "--upload", cwd=tmp_path)
    one_sentence(done.stderr, done.returncode, words)
    assert site.submissions == []
    assert (tmp_path / "submission.csv").exists()


def test_without_a_token_the_page_that_makes_one_is_named(run_command: Command, tmp_path: Path) -> None:
    done = run_command("data", "kaggle", cwd=tmp_path)
    one_sentence(done.stderr, done.returncode, ["KAGGLE_API_TOKEN", SETTINGS])
    assert done.stdout == ""
    assert not (tmp_path / "data").exists()


def test_an_invalid_token_is_refused_as_a_missing_one(
    run_command: Command, site: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_yesterday's")
    done = run_command("data", "kaggle", cwd=tmp_path)
    one_sentence(done.stderr, done.returncode, ["valid", SETTINGS])


def test_without_a_connection_the_page_is_named(
    run_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_a-token")
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # the port of discard: nobody listens
    done = run_command("data", "kaggle", cwd=tmp_path)
    one_sentence(done.stderr, done.returncode, ["https://www.kaggle.com/competitions"])


def test_message_without_upload_is_refused(run_command: Command, run: Path, tmp_path: Path) -> None:
    done = run_command("submit", run, "--test", "test.csv", "-m", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert "--upload" in done.stderr


def one_sentence(stderr: str, returncode: int, words: list[str]) -> None:
    assert returncode == 2
    (error,) = (line for line in stderr.splitlines() if not line.startswith("Warning: "))
    assert error.startswith("Error: ")
    assert all(word in error for word in words), stderr
