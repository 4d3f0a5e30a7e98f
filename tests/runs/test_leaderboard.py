"""`inkdigit runs`, on folders that hold what a training leaves in its manifest, and on damaged ones."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from inkdigit.runs.leaderboard import leaderboard_table, read_leaderboard
from tests.conftest import Command
from tests.errors import refused


def make_manifest(
    folder: Path,
    correct: int,
    total: int,
    day: int,
    *,
    scored: str = "1,000 held-out rows",
    sha256: str | None = None,
    **changes: Any,
) -> None:
    """A run folder with nothing but its manifest. sha256: the fingerprint of the scored rows; old runs have none."""
    manifest = {
        "format": 1,
        "created": f"2026-11-{day:02}T12:00:00+00:00",
        "settings": {"preset": "fast", "seed": day},
        "figures": {
            "scored": scored,
            "accuracy": correct / total,
            "low": correct / total - 0.01,
            "high": correct / total + 0.01,
            "total": total,
            "training_seconds": 1471.4,
            **({"scored_sha256": sha256} if sha256 else {}),
        },
        "parameters": 351_682,
        "files": {},
    }
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs scored alike, and a newer one scored on a few validation rows."""
    make_manifest(tmp_path / "good", 990, 1000, day=5)
    make_manifest(tmp_path / "better", 995, 1000, day=3)
    make_manifest(tmp_path / "few", 50, 50, day=9, scored="50 validation rows")
    return tmp_path


def test_best_first_among_runs_scored_alike(run_in_process: Command, folder: Path) -> None:
    done = run_in_process("runs", folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line] == [
        "Accuracy",
        "name",
        "few",
        "Accuracy",
        "name",
        "better",
        "good",
    ]
    assert "on 50 validation rows" in lines[0]
    better = lines[-2]
    date = datetime.fromisoformat("2026-11-03T12:00:00+00:00").astimezone().date()
    assert better.split() == ["better", "fast", "3", "351,682", "99.50", "(98.50–100.50)", "1,471", "s", str(date)]


def test_a_pipe_gets_whole_names_and_a_terminal_lines_that_fit(folder: Path) -> None:
    name = "an-experiment-with-a-very-long-name-and-seed-7"
    make_manifest(folder / name, 980, 1000, day=1)
    board = read_leaderboard(folder)
    assert name in leaderboard_table(board)
    narrow = leaderboard_table(board, width=80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "…" in narrow
    assert "99.50 (98.50–100.50)" in narrow


def test_runs_that_cannot_be_read_are_named_below_the_table(run_in_process: Command, folder: Path) -> None:
    make_manifest(folder / "newer", 1, 1, day=1, format=2)
    make_manifest(folder / "nameless", 1, 1, day=1, figures={"accuracy": "high"})
    make_manifest(folder / "dateless", 1, 1, day=1, created="yesterday")
    make_manifest(folder / "endless", 1, 1, day=1, created="9999-12-31T23:59:59-23:00")
    make_manifest(folder / "nought", 1, 1, day=1, figures={"accuracy": float("nan"), "low": 0, "high": 1})
    make_manifest(folder / "cut", 1, 1, day=1)
    (folder / "cut" / "manifest.json").write_text('{"format": 1, ')
    (folder / "unfinished").mkdir()
    (folder / "unfinished" / "model.onnx").touch()
    (folder / "notes").mkdir()
    (folder / "notes.txt").touch()
    done = run_in_process("runs", folder)
    assert done.returncode == 0
    table, problems = done.stdout.rstrip().rsplit("\n\n", 1)
    assert all(name in table for name in ("good", "better", "few"))
    assert [Path(line.split()[0]).relative_to(folder).parts[0] for line in problems.splitlines()] == [
        *("cut", "dateless", "endless", "nameless", "newer", "nought", "unfinished")
    ]


def test_an_unfinished_training_is_listed_with_the_command_that_resumes_it(
    run_in_process: Command, folder: Path
) -> None:
    (folder / ".stopped.partial" / "checkpoints").mkdir(parents=True)
    assert "stopped" not in run_in_process("runs", folder).stdout
    (folder / ".stopped.partial" / "checkpoints" / "training.npz").touch()
    assert f"inkdigit train --resume {folder / 'stopped'}" in run_in_process("runs", folder).stdout


def test_json_holds_the_same(run_in_process: Command, folder: Path) -> None:
    make_manifest(folder / "newer", 1, 1, day=1, format=2)
    board = json.loads(run_in_process("runs", folder, "--json").stdout)
    assert [run["name"] for run in board["runs"]] == ["few", "better", "good"]
    assert board["runs"][1]["accuracy"] == 0.995
    assert board["runs"][1]["folder"] == str(folder / "better")
    assert len(board["problems"]) == 1


def test_training_time_of_older_runs_comes_from_their_metrics(tmp_path: Path) -> None:
    for name in ("old", "bare"):
        make_manifest(tmp_path / name, 9, 10, day=1)
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        del manifest["figures"]["training_seconds"]
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "old" / "metrics.json").write_text('{"training_seconds": 42.5}')
    assert {entry.name: entry.training_seconds for entry in read_leaderboard(tmp_path).entries} == {
        "old": 42.5,
        "bare": None,
    }


def test_one_run_is_listed_by_its_own_folder(folder: Path) -> None:
    assert [entry.name for entry in read_leaderboard(folder / "good").entries] == ["good"]


def test_no_runs_and_no_folder(run_in_process: Command, tmp_path: Path) -> None:
    empty = run_in_process("runs", tmp_path)
    assert (empty.returncode, empty.stderr) == (0, "")
    assert "holds no runs yet" in empty.stdout
    absent = run_in_process("runs", cwd=tmp_path)
    assert absent.returncode == 2
    assert absent.stderr.startswith("Error: runs ")
    with refused("folder-not-found", tmp_path / "absent"):
        read_leaderboard(tmp_path / "absent")


def test_runs_on_different_rows_with_the_same_words_are_ranked_apart(tmp_path: Path) -> None:
    words = "500 validation rows"
    for name, correct, day, sha256 in (
        ("one", 400, 1, "a" * 64),
        ("two", 450, 2, "a" * 64),
        ("other", 499, 3, "b" * 64),
    ):
        make_manifest(tmp_path / name, correct, 500, day, scored=words, sha256=sha256)
    board = read_leaderboard(tmp_path)
    assert [entry.name for entry in board.entries] == ["other", "two", "one"]
    lines = leaderboard_table(board).splitlines()
    headings = [line for line in lines if words in line]
    assert len(headings) == len(set(headings)) == 2
    assert "b" * 8 in headings[0]
    assert "a" * 8 in headings[1]
    assert [line.split()[0] for line in lines[2:3] + lines[-2:]] == ["other", "two", "one"]


def test_a_run_whose_teacher_knew_some_of_the_rows_is_ranked_apart(tmp_path: Path) -> None:
    words = "500 validation rows"
    make_manifest(tmp_path / "honest", 450, 500, day=1, scored=words, sha256="a" * 64)
    make_manifest(tmp_path / "taught", 490, 500, day=2, scored=f"{words}, 400 of which …", sha256="a" * 64)
    text = leaderboard_table(read_leaderboard(tmp_path))
    assert text.count(words) == 2
    assert "aaaa" not in text


def test_a_heading_names_no_fingerprint_where_the_words_are_enough(tmp_path: Path) -> None:
    make_manifest(tmp_path / "one", 400, 500, day=1, scored="500 validation rows", sha256="a" * 64)
    make_manifest(tmp_path / "two", 400, 500, day=2, scored="500 held-out rows", sha256="b" * 64)
    text = leaderboard_table(read_leaderboard(tmp_path))
    assert "aaaa" not in text
    assert "bbbb" not in text


def test_old_runs_without_a_fingerprint_are_grouped_by_their_words(tmp_path: Path) -> None:
    words = "500 validation rows"
    make_manifest(tmp_path / "old", 400, 500, day=1, scored=words)
    make_manifest(tmp_path / "older", 450, 500, day=2, scored=words)
    make_manifest(tmp_path / "new", 300, 500, day=3, scored=words, sha256="a" * 64)
    board = read_leaderboard(tmp_path)
    assert [entry.name for entry in board.entries] == ["new", "older", "old"]
    assert leaderboard_table(board).count(words) == 2


def test_runs_of_a_folder_that_holds_files_and_hidden_folders_only_are_none(tmp_path: Path) -> None:
    (tmp_path / "manifest.txt").touch()
    make_manifest(tmp_path / ".run.partial", 1, 1, day=1)
    assert read_leaderboard(tmp_path).to_json() == {"runs": [], "problems": []}
