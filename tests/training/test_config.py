"""Every setting from the command line, from a TOML file and back; wrong ones are refused."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from inkdigit.training.config import (
    PRESETS,
    Settings,
    complete_manifest,
    from_file,
    from_manifest,
    preset,
    stretch_to_blocks,
    to_toml,
    with_values,
)
from inkdigit.utils.options import allowed_values, describe_settings, readable_value
from tests.conftest import Command
from tests.errors import refused
from tests.paths import DOCS

DOCUMENT = DOCS / "settings.md"


@pytest.mark.parametrize("name", PRESETS)
def test_printed_settings_are_taken_back(run_in_process: Command, tmp_path: Path, name: str) -> None:
    printed = run_in_process(
        "train", "--preset", name, "--learning-rate", "0.004", "--filters", "8, 16 16", "--print-config"
    )
    assert printed.returncode == 0, printed.stderr
    (tmp_path / "mine.toml").write_text(printed.stdout)
    settings = from_file(tmp_path / "mine.toml", None)
    assert settings == replace(
        preset(name),
        learning_rate=0.004,
        filters=((8,), (16, 16)),
        kernel_size=preset(name).kernel_size[:2],
        padding=preset(name).padding[:2],
    )
    assert to_toml(settings) == printed.stdout


def test_options_win_over_the_file_and_the_file_over_the_preset(run_in_process: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("epochs = 3\nbatch_norm = true\n")
    arguments = ["--preset", "article", "--config", tmp_path / "mine.toml", "--epochs", 5, "--no-batch-norm"]
    lines = run_in_process("train", *arguments, "--print-config").stdout.splitlines()
    assert {'preset = "article"', "epochs = 5", "batch_norm = false", 'optimizer = "adam"'} <= set(lines)


def test_every_setting_is_documented_and_has_an_option(run_in_process: Command) -> None:
    document, options = DOCUMENT.read_text(encoding="utf-8"), run_in_process("train", "--help").stdout
    for name, default, unit, meaning in describe_settings(Settings()):
        assert f"| `{name}` | {default} | {unit} | {meaning} |" in document
        if name != "preset":
            assert f"--{name.replace('_', '-')} " in options


def test_every_value_that_can_be_read_can_be_given_as_text() -> None:
    for name in PRESETS:
        settings = preset(name)
        texts = {
            f.name: getattr(settings, f.name) if f.type == "bool" else readable_value(getattr(settings, f.name))
            for f in fields(Settings)
            if f.name != "preset"
        }
        assert with_values(Settings(preset=name), texts, "here") == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filters", ""),
        ("filters", "24,, 8"),
        ("filters", [[0]]),
        ("filters", 2.5),
        ("kernel_size", [3, 29, 3]),
        ("padding", "up"),
        ("pooling", "min"),
        ("batch_norm", "yes"),
        ("batch_norm", 1),
        ("dense", True),
        ("dropout", 1.0),
        ("epochs", 0),
        ("epochs", "1.5"),
        ("epochs", float("inf")),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("optimizer", "sgd"),
        ("seed", -1),
    ],
)
def test_a_wrong_value_is_refused_with_the_allowed_ones(name: str, value: object) -> None:
    with refused("setting-invalid", "mine.toml", f"{name} = {value!r}", allowed_values(Settings, name)):
        with_values(Settings(), {name: value}, "mine.toml")


def test_values_that_do_not_fit_together_are_refused() -> None:
    with refused("setting-invalid", "here", "kernel_size", "2", "3"):
        with_values(Settings(), {"kernel_size": [3, 3]}, "here")
    with refused("setting-invalid", "here", "block 5"):
        with_values(Settings(), {"filters": [4, 4, 4, 4, 4], "padding": "same"}, "here")
    with refused("setting-invalid", "here", "block 3"):
        with_values(Settings(), {"padding": "valid", "kernel_size": 5}, "here")


def test_one_value_serves_all_blocks() -> None:
    settings = with_values(Settings(), {"padding": "same", "kernel_size": 3}, "here")
    assert settings.kernel_size == (3, 3, 3)
    assert settings.padding == ("same", "same", "same")


def test_a_presets_values_are_fitted_to_another_number_of_blocks() -> None:
    assert stretch_to_blocks((5, 3), 4) == (5, 3, 3, 3)
    assert stretch_to_blocks((5, 3), 1) == (5,)
    assert with_values(Settings(), {"filters": [4, 4]}, "here").kernel_size == (5, 3)


def test_presets_carry_their_names_and_record_is_five_of_best() -> None:
    assert [preset(name).preset for name in PRESETS] == list(PRESETS)
    assert replace(preset("record"), preset="best", members=1) == preset("best")
    with refused("preset-unknown", "faster", *PRESETS):
        preset("faster")


def test_augmented_says_whether_images_are_changed() -> None:
    still = Settings(rotation=0, shift=0, zoom=0, shear=0, elastic=0)
    assert not still.augmented
    assert replace(still, real_ink=0.1).augmented


def test_settings_of_a_manifest_are_read_and_older_ones_completed() -> None:
    older = {"settings": {"preset": "best", "epochs": 7}, "figures": {}}
    complete = complete_manifest(older)
    assert from_manifest(complete["settings"], "run") == replace(Settings(), preset="best", epochs=7)
    assert (complete["member"], complete["teacher"], complete["figures"]) == (0, None, {})
    assert complete_manifest(complete) == complete
    with refused("setting-unknown", "run", "epochen"):
        from_manifest({"epochen": 5}, "run")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("learnig_rate = 0.1", "learning_rate"),
        ("epochs = ", "mine.toml"),
        ('preset = "faster"', "faster"),
        ("epochs = [1]", "epochs"),
        (None, "mine.toml"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    run_in_process: Command, tmp_path: Path, text: str | None, place: str
) -> None:
    if text:
        (tmp_path / "mine.toml").write_text(text)
    done = run_in_process("train", "--config", tmp_path / "mine.toml", "--print-config")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert place in done.stderr
