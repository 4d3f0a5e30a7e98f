"""Every setting from the command line, from a TOML file and back, and what a wrong one is told."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from inkdigit.errors import InkdigitError
from inkdigit.training.config import PRESETS, Settings, from_file, preset, to_toml, with_values
from inkdigit.utils.options import allowed_values, describe_settings, readable_value
from tests.conftest import Command
from tests.errors import refused
from tests.paths import DOCS

DOCUMENT = DOCS / "settings.md"


@pytest.mark.parametrize("name", PRESETS)
def test_printed_settings_are_taken_back(run_command: Command, tmp_path: Path, name: str) -> None:
    printed = run_command(
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


def test_options_win_over_the_file_and_the_file_over_the_preset(run_command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("epochs = 3\nbatch_norm = true\n")
    arguments = ["--preset", "article", "--config", tmp_path / "mine.toml", "--epochs", 5, "--no-batch-norm"]
    lines = run_command("train", *arguments, "--print-config").stdout.splitlines()
    assert {'preset = "article"', "epochs = 5", "batch_norm = false", 'optimizer = "adam"'} <= set(lines)


def test_every_setting_is_documented_and_has_an_option(run_command: Command) -> None:
    document, options = DOCUMENT.read_text(encoding="utf-8"), run_command("train", "--help").stdout
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
def test_wrong_value_is_told_with_the_allowed_ones(name: str, value: object) -> None:
    with refused("setting-invalid", "mine.toml", f"{name} = {value!r}", allowed_values(Settings, name)):
        with_values(Settings(), {name: value}, "mine.toml")


def test_values_that_do_not_fit_together_are_told() -> None:
    with pytest.raises(InkdigitError, match="2 values for 3 blocks"):
        with_values(Settings(), {"kernel_size": [3, 3]}, "here")
    with pytest.raises(InkdigitError, match="left after block 5"):
        with_values(Settings(), {"filters": [4, 4, 4, 4, 4], "padding": "same"}, "here")
    with pytest.raises(InkdigitError, match="left after block 3"):
        with_values(Settings(), {"padding": "valid", "kernel_size": 5}, "here")
    assert with_values(Settings(), {"padding": "same", "kernel_size": 3}, "here").kernel_size == (3, 3, 3)


def test_wrong_file_is_told_in_one_sentence(run_command: Command, tmp_path: Path) -> None:
    cases = {
        "learnig_rate = 0.1": ["learnig_rate", "did you mean learning_rate?"],
        "epochs = ": ["is not TOML", "Invalid value"],
        'preset = "faster"': ['no preset "faster"', "article, fast, best"],
        "epochs = [1]": ["epochs = [1]", "whole number"],
    }
    for text, words in cases.items():
        (tmp_path / "mine.toml").write_text(text)
        done = run_command("train", "--config", tmp_path / "mine.toml", "--print-config")
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert all(word in done.stderr for word in words), done.stderr
    absent = run_command("train", "--config", tmp_path / "absent.toml", "--print-config")
    assert absent.returncode == 2
    assert "absent.toml" in absent.stderr
