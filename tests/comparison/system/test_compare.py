"""`inkdigit compare`, and several runs in one submission, with linear models on real digits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inkdigit.comparison.compare import compare_runs, comparison_table
from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.errors import InkdigitError
from inkdigit.recognizer import Recognizer
from inkdigit.runs.predictions import read_predictions, write_predictions
from inkdigit.runs.run import read_run, write_manifest
from tests.cli.system.test_cli import saved
from tests.conftest import Command, RunAndKill, part
from tests.handmade import make_run


@pytest.fixture(scope="module")
def folder(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `many` and `few`, scored on the same 3,000 digits, and `other`, on 1,000 of them and 1,000 others."""
    folder = tmp_path_factory.mktemp("runs")
    scored = part(real_digits, slice(5000, 8000))
    make_run(folder / "many", part(real_digits, slice(5000)), scored)
    make_run(folder / "few", part(real_digits, slice(800)), scored, epochs=3, filters=((8,), (8, 8)))
    make_run(folder / "other", part(real_digits, slice(1000, 6000)), part(real_digits, slice(7000, 9000)), seed=5)
    return folder


@pytest.fixture
def copies(folder: Path, tmp_path: Path) -> Path:
    """The same folders, to be damaged."""
    return shutil.copytree(folder, tmp_path / "copies")


def test_the_command_says_who_is_better_and_what_was_set_differently(
    run_command: Command, folder: Path, tmp_path: Path
) -> None:
    done = run_command("compare", folder / "many", folder / "few", "--out", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    assert "3,000 images on which both were scored and neither was trained" in done.stdout
    assert "many is " in done.stdout
    assert "more accurate than few" in done.stdout
    assert "more than chance, p < 0.0001" in done.stdout
    settings = done.stdout[done.stdout.index("setting") :].split("\n\n")[0]
    assert [line.split()[0] for line in settings.splitlines()] == ["setting", "filters", "epochs", "training"]
    assert {path.name for path in (tmp_path / "page").iterdir()} == {"comparison.html", "disagreements-2.png"}


def test_sheets_of_an_earlier_comparison_go_and_nothing_else(
    run_in_process: Command, folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page"
    three = [folder / name for name in ("many", "few", "other")]
    assert run_in_process("compare", *three, "--out", page).returncode == 0
    (page / "disagreements-4.png").write_bytes(b"mine")
    (page / "disagreements-5.png").write_bytes(b"")
    done = run_in_process("compare", *three[:2], "--out", page)
    assert done.returncode == 0, done.stderr
    kept = {"comparison.html", "disagreements-2.png", "disagreements-4.png", "disagreements-5.png"}
    assert {path.name for path in page.iterdir()} == kept


def test_kept_answers_give_what_reading_the_images_anew_gives(
    run_in_process: Command, folder: Path, real_digits: Dataset, tmp_path: Path
) -> None:
    kaggle_csv.write_csv(tmp_path / "labelled.csv", part(real_digits, slice(5000, 8000)))
    command = ["compare", folder / "many", folder / "few", "--out", tmp_path / "page", "--json"]
    kept = json.loads(run_in_process(*command).stdout)
    anew = json.loads(run_in_process(*command, "--data", tmp_path / "labelled.csv").stdout)
    assert kept["duels"] == anew["duels"]
    assert kept["runs"] == anew["runs"]
    duel, (many, few) = kept["duels"][0], kept["runs"]
    correct = many["evaluation"]["correct"] - few["evaluation"]["correct"]
    assert duel["only_first"] - duel["only_second"] == correct > 0
    assert duel["difference"] == correct / 3000
    assert 0 < duel["low"] < duel["difference"] < duel["high"]
    assert 3000 - duel["neither"] == many["evaluation"]["correct"] + duel["only_second"]


def test_only_shared_images_are_compared_and_their_pictures_are_at_hand(folder: Path, real_digits: Dataset) -> None:
    result = compare_runs([folder / "other", folder / "many"])
    assert len(result.labels) == 1000
    assert "2,000 (other), 3,000 (many)" in result.notes[0]
    duel = result.duels[0]
    shared = real_digits.images[7000:8000]
    for rows in (duel.only_first, duel.only_second):
        assert len(rows) > 0
        np.testing.assert_array_equal(result.images[rows], shared[rows])
    truth, guesses = real_digits.required_labels[7000:8000], Recognizer.load(folder / "other").predict(shared)
    np.testing.assert_array_equal(result.labels, truth)
    assert result.contenders[0].evaluation.correct == (guesses == truth).sum()


def test_several_runs_are_compared_with_the_first(folder: Path) -> None:
    result = compare_runs([folder / "few", folder / "many", folder / "other"])
    assert [(duel.first.name, duel.second.name) for duel in result.duels] == [("few", "many"), ("few", "other")]
    assert result.duels[0].difference < 0
    assert result.duels[0].verdict.startswith("many is ")
    assert "(95 % interval +" in result.duels[0].verdict
    seeds = next(setting for setting in result.settings if setting.name == "seed")
    assert seeds.values == ["0", "0", "5"]
    assert "adjusted for 2 tests by Holm's method" in comparison_table(result)


def test_images_that_a_run_was_trained_on_are_left_out_and_told(folder: Path, real_digits: Dataset) -> None:
    result = compare_runs([folder / "few", folder / "many"], part(real_digits, slice(4000, 6000)))
    assert len(result.labels) == 1000
    assert "2,000 images: 1,000; many was trained on 1,000 of them." in result.notes[0]
    with pytest.raises(InkdigitError, match="no image that is new to few and many"):
        compare_runs([folder / "few", folder / "many"], part(real_digits, slice(3000, 4000)))


def test_images_learnt_after_the_answers_count_as_learnt(copies: Path, real_digits: Dataset) -> None:
    scored, none = part(real_digits, slice(5000, 8000)), np.empty(0, np.uint64)
    probabilities = read_predictions(copies / "few").probabilities
    write_predictions(copies / "few", none, scored.hashes[:10], scored, probabilities)
    manifest = read_run(copies / "few").manifest
    write_manifest(copies / "few", list(manifest.pop("files")), manifest)
    pair = [copies / "few", copies / "many"]
    assert compare_runs(pair).notes[0].startswith("The model of few has since learnt 10 of the images")
    assert len(compare_runs(pair, part(real_digits, slice(5000, 5100))).labels) == 90


def forget_rows(folder: Path) -> None:
    """Make of a run one of an older version."""
    manifest = read_run(folder).manifest
    (folder / "predictions.npz").unlink()
    del manifest["files"]
    write_manifest(folder, ["model.onnx"], manifest)


def test_runs_without_answers_are_compared_on_named_images_alone(copies: Path, real_digits: Dataset) -> None:
    forget_rows(copies / "few")
    pair = [copies / "few", copies / "many"]
    with pytest.raises(InkdigitError, match=r"few keeps no rows\.npz.*--data"):
        compare_runs(pair)
    result = compare_runs(pair, part(real_digits, slice(5000, 5500)))
    assert len(result.labels) == 500
    assert "few comes from an older version" in result.notes[0]


def test_settings_that_this_version_does_not_know_are_shown_as_they_are(copies: Path) -> None:
    manifest = read_run(copies / "few").manifest
    manifest["settings"]["mystery"] = [1, 2]
    del manifest["settings"]["zoom"]
    write_manifest(copies / "few", list(manifest.pop("files")), manifest)
    settings = {one.name: one.values for one in compare_runs([copies / "few", copies / "many"]).settings}
    assert settings["mystery"] == ["(1, 2)", "–"]
    assert settings["zoom"] == ["–", "0.12"]


def test_equal_answers_are_no_difference(copies: Path) -> None:
    # Another model file that gives the same answers.
    model = copies / "few" / "model.onnx"
    shutil.copytree(copies / "many", copies / "twin")
    shutil.copy(model, copies / "twin" / "model.onnx")
    manifest = read_run(copies / "twin").manifest
    manifest["train"]["source"] = "the same digits under another name"
    write_manifest(copies / "twin", list(manifest.pop("files")), manifest)
    result = compare_runs([copies / "many", copies / "twin"])
    assert result.duels[0].verdict == "many and twin are right on the same images."
    assert result.duels[0].low < 0 < result.duels[0].high
    assert result.duels[0].p == 1
    assert "No setting differs." in comparison_table(result)


def test_folders_of_the_same_name_are_told_apart(copies: Path, tmp_path: Path) -> None:
    shutil.move(copies / "few", tmp_path / "many")
    names = [one.name for one in compare_runs([copies / "many", tmp_path / "many"]).contenders]
    assert names == [str(copies / "many"), str(tmp_path / "many")]


@pytest.mark.parametrize("name", ["model.onnx", "report.npz", "predictions.npz"])
def test_a_changed_byte_is_refused_and_nothing_is_written(
    run_in_process: Command, copies: Path, tmp_path: Path, name: str
) -> None:
    content = bytearray((copies / "few" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copies / "few" / name).write_bytes(content)
    done = run_in_process("compare", copies / "many", copies / "few", "--out", tmp_path / "page")
    assert done.returncode == 2
    assert f"{name} is not the file that its manifest names" in done.stderr
    assert not (tmp_path / "page").exists()


DAMAGED: dict[str, tuple[dict[str, Any], str]] = {
    "names without checksums": ({"files": {"model.onnx": 5, "predictions.npz": 5}}, "does not name model.onnx"),
    "settings in a list": ({"settings": []}, "manifest.json is damaged"),
    "no settings": ({"settings": {}}, "manifest.json is damaged"),
    "a date beyond the calendar": ({"created": "9999-12-31T23:59:59-23:00"}, "manifest.json is damaged"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_manifest_is_told(copies: Path, case: str) -> None:
    changes, words = DAMAGED[case]
    manifest = read_run(copies / "few").manifest | changes
    (copies / "few" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InkdigitError, match=words):
        compare_runs([copies / "many", copies / "few"])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("predictions.npz", b"no npz", "another version"),
        ("predictions.npz", saved(trained_on=np.zeros(3, np.uint64)), "another version"),
        ("predictions.npz", saved(trained_on=np.array([{}])), "another version"),
        ("model.onnx", b"no model", "no model that ONNX Runtime opens"),
    ],
)
def test_a_file_of_another_kind_is_told(
    copies: Path, real_digits: Dataset, name: str, content: bytes, words: str
) -> None:
    (copies / "few" / name).write_bytes(content)
    manifest = read_run(copies / "few").manifest
    write_manifest(copies / "few", list(manifest.pop("files")), manifest)
    with pytest.raises(InkdigitError, match=words):
        compare_runs([copies / "many", copies / "few"], part(real_digits, slice(9000, 9100)))


def test_what_cannot_be_compared_is_told(run_in_process: Command, copies: Path, tmp_path: Path) -> None:
    newer = json.loads((copies / "few" / "manifest.json").read_text()) | {"format": 2}
    shutil.copytree(copies / "few", copies / "newer")
    (copies / "newer" / "manifest.json").write_text(json.dumps(newer))
    many = copies / "many"
    for others, words in (
        ([], "name two or more run folders"),
        ([many], "hold the same model"),
        ([copies / "absent"], "absent is not a folder"),
        ([tmp_path], "manifest.json is missing"),
        ([copies / "newer"], "install a newer Inkdigit"),
    ):
        done = run_in_process("compare", many, *others, "--out", tmp_path / "page")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Error: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page").exists()


def test_runs_without_a_common_image_need_data(real_digits: Dataset, folder: Path, tmp_path: Path) -> None:
    make_run(tmp_path / "far", part(real_digits, slice(100, 900)), part(real_digits, slice(9000, 9500)))
    with pytest.raises(InkdigitError, match=r"many and far were not scored on the same images.*--data"):
        compare_runs([folder / "many", tmp_path / "far"])


def test_several_runs_submit_and_are_scored_as_their_mean(
    run_in_process: Command, folder: Path, real_digits: Dataset, tmp_path: Path
) -> None:
    test = part(real_digits, slice(9000, 10_000))
    kaggle_csv.write_csv(tmp_path / "test.csv", Dataset(test.images, None, ""))
    kaggle_csv.write_csv(tmp_path / "labelled.csv", test)
    three = [folder / name for name in ("many", "few", "other")]
    done = run_in_process("submit", *three, "--test", tmp_path / "test.csv", "-o", tmp_path / "submission.csv")
    assert done.returncode == 0, done.stderr
    assert "1,000 rows, the mean of 3 runs" in done.stdout
    mean = np.mean([Recognizer.load(run).predict_proba(test.images) for run in three], axis=0).argmax(axis=1)
    written = np.loadtxt(tmp_path / "submission.csv", int, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(written[:, 1], mean)
    scored = run_in_process("evaluate", *three, "--data", tmp_path / "labelled.csv", "--json")
    assert json.loads(scored.stdout)["correct"] == (mean == test.required_labels).sum()


def test_rows_that_a_run_has_learnt_are_told(
    run_in_process: Command, folder: Path, copies: Path, real_digits: Dataset, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    kaggle_csv.write_csv(rows, part(real_digits, slice(700, 1300)))
    few, other = folder / "few", folder / "other"
    done = run_in_process("evaluate", few, other, "--data", rows, "--json")
    assert json.loads(done.stdout)["learnt_rows"] == 400
    sentence = (
        "Warning: few has learnt 100 of the 600 images of rows.csv: an accuracy on them says nothing about new digits."
    )
    assert done.stderr.splitlines() == [sentence, sentence.replace("few", "other").replace("100", "300")]
    submitted = run_in_process("submit", few, "--test", rows, "-o", tmp_path / "submission.csv")
    assert submitted.stderr.splitlines() == [sentence]

    kaggle_csv.write_csv(rows, part(real_digits, slice(800, 1000)))
    done = run_in_process("evaluate", few, other, "--data", rows, "--json")
    assert (done.stderr, json.loads(done.stdout)["learnt_rows"]) == ("", 0)

    forget_rows(copies / "few")
    done = run_in_process("evaluate", copies / "few", other, "--data", rows, "--json")
    assert json.loads(done.stdout)["learnt_rows"] is None
    assert done.stderr.startswith("Warning: few comes from an older version")


def test_a_kill_leaves_the_old_submission_whole(
    run_in_process: Command, run_and_kill: RunAndKill, folder: Path, files: Path, tmp_path: Path
) -> None:
    command = ["submit", folder / "few", "--test", files / "test.csv", "-o", tmp_path / "submission.csv"]
    (tmp_path / "submission.csv").write_text("old")
    run_and_kill("submission.csv", *command)
    assert (tmp_path / "submission.csv").read_text() == "old"
    assert run_in_process(*command).returncode == 0
    assert (tmp_path / "submission.csv").read_text().count("\n") == 5001


def test_a_run_named_twice_is_no_submission(run_in_process: Command, folder: Path, files: Path, tmp_path: Path) -> None:
    many = folder / "many"
    done = run_in_process("submit", many, many, "--test", files / "test.csv", "-o", tmp_path / "submission.csv")
    assert done.returncode == 2
    assert "name each run once" in done.stderr
    assert not (tmp_path / "submission.csv").exists()
