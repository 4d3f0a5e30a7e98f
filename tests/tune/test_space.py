"""What a search draws from."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdigit.training.config import PRESETS, Settings, preset, with_values
from inkdigit.tune import space
from inkdigit.tune.space import Range
from tests.errors import refused


def written(folder: Path, text: str) -> Path:
    path = folder / "space.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", PRESETS)
def test_the_default_space_is_a_file_that_is_read_back_and_holds_the_base(name: str, tmp_path: Path) -> None:
    base = preset(name)
    default = space.default(base)
    assert space.from_file(written(tmp_path, space.to_toml(default)), base) == default
    assert space.settings_at(base, space.base_point(default, base), "here") == base


def test_the_settings_of_the_tutorial_are_searched() -> None:
    asked = {"filters", "kernel_size", "padding", "optimizer", "learning_rate", "dense"}
    assert asked <= set(space.default(Settings()))


def test_one_factor_moves_all_of_the_augmentation() -> None:
    base = Settings()
    double = space.settings_at(base, {"augmentation": 2.0}, "here")
    assert (double.rotation, double.shift, double.elastic) == (2 * base.rotation, 2 * base.shift, 2 * base.elastic)
    plain = preset("article")
    assert not space.settings_at(plain, {"augmentation": 0.0}, "here").augmented
    assert space.settings_at(plain, {"augmentation": 1.0}, "here").rotation == base.rotation


def test_kernels_and_padding_follow_the_number_of_blocks() -> None:
    point = {"filters": "8, 16", "kernel_size": "5, 3, 3", "padding": "same"}
    found = space.settings_at(Settings(), point, "here")
    assert (found.filters, found.kernel_size, found.padding) == (((8,), (16,)), (5, 3), ("same", "same"))


def test_the_base_belongs_to_the_space(tmp_path: Path) -> None:
    base = with_values(Settings(), {"dense": 100, "dropout": 0.7, "learning_rate": 0.1}, "here")
    file = written(
        tmp_path, "dense = [32, 64]\ndropout = {low = 0, high = 0.5}\nlearning_rate = {low = 0.01, high = 0.05}"
    )
    found = space.from_file(file, base)
    assert found["dense"] == (100, 32, 64)
    assert found["dropout"] == Range(0.0, 0.7)
    assert found["learning_rate"] == Range(0.01, 0.1)


def test_whole_numbers_have_whole_ranges(tmp_path: Path) -> None:
    found = space.from_file(written(tmp_path, "batch_size = {low = 32, high = 512, log = true}"), Settings())
    assert repr(found["batch_size"]) == "Range(low=32, high=512, log=True)"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("dens = [1, 2]", "setting-unknown", "dens"),
        ("dense = {low = 9, high = 3}", "space-invalid", "dense"),
        ("dropout = {low = 0.2, high = 0.2}", "space-invalid", "dropout"),
        ("weight_decay = {low = 0, high = 0.1, log = true}", "space-invalid", "weight_decay"),
        ("dense = []", "space-invalid", "dense"),
        ("dense = 64", "space-invalid", "dense = 64"),
        ("dense = {low = 1}", "space-invalid", "dense"),
        ("dropout = [0.1, 3]", "setting-invalid", "dropout = 3"),
        ('optimizer = {low = "adam", high = "muon"}', "space-invalid", "optimizer"),
        ("augmentation = {low = 0, high = 100}", "setting-invalid", ""),
        ("augmentation = [-1]", "setting-invalid", "augmentation = -1"),
        ("augmentation = [0, 20]", "setting-invalid", "rotation = 240.0"),
        ("augmentation = [nan]", "setting-invalid", "rotation = nan"),
        ("epochs = [1, 2]", "space-invalid", "epochs"),
        ("", "space-empty", ""),
        ("dense = [", "toml-invalid", ""),
        ('kernel_size = ["9"]\npadding = ["valid"]', "setting-invalid", "block 3"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(text: str, code: str, place: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    with refused(code, file, place) as caught:
        space.from_file(file, Settings())
    assert "\n" not in str(caught.value)


def test_a_logarithmic_range_cannot_start_at_0(tmp_path: Path) -> None:
    base = with_values(Settings(), {"weight_decay": 0}, "here")
    with refused("space-invalid", "weight_decay"):
        space.from_file(written(tmp_path, "weight_decay = {low = 0.001, high = 0.1, log = true}"), base)
