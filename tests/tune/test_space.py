"""What a search draws from."""

from __future__ import annotations

from pathlib import Path

import pytest

from inkdigit.errors import InkdigitError
from inkdigit.training.config import PRESETS, Settings, preset, with_values
from inkdigit.tune import space
from inkdigit.tune.space import Range


def written(folder: Path, text: str) -> Path:
    path = folder / "space.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", PRESETS)
def test_the_default_space_is_a_file_that_is_read_back_and_holds_the_base(name: str, tmp_path: Path) -> None:
    base = preset(name)
    default = space.default(base)
    assert space.from_file(written(tmp_path, space.to_toml(default)), base) == default
    assert space.settings_of(base, space.own_values(default, base), "here") == base


def test_what_the_tutorial_invites_to_play_with_is_searched() -> None:
    asked = {"filters", "kernel_size", "padding", "optimizer", "learning_rate", "dense"}
    assert asked <= set(space.default(Settings()))


def test_one_factor_moves_all_of_the_augmentation() -> None:
    base = Settings()
    double = space.settings_of(base, {"augmentation": 2.0}, "here")
    assert (double.rotation, double.shift, double.elastic) == (2 * base.rotation, 2 * base.shift, 2 * base.elastic)
    plain = preset("article")
    assert not space.settings_of(plain, {"augmentation": 0.0}, "here").augmented
    assert space.settings_of(plain, {"augmentation": 1.0}, "here").rotation == base.rotation


def test_kernels_and_padding_follow_the_number_of_blocks() -> None:
    point = {"filters": "8, 16", "kernel_size": "5, 3, 3", "padding": "same"}
    found = space.settings_of(Settings(), point, "here")
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
    ("text", "told"),
    [
        ("dens = [1, 2]", 'no setting "dens": did you mean dense?'),
        ("dense = {low = 9, high = 3}", "the range of dense is empty or impossible"),
        ("dropout = {low = 0.2, high = 0.2}", "the range of dropout is empty or impossible"),
        ("weight_decay = {low = 0, high = 0.1, log = true}", "the range of weight_decay is empty or impossible"),
        ("dense = []", "dense = [] is nothing to draw from"),
        ("dense = 64", "dense = 64 is nothing to draw from"),
        ("dense = {low = 1}", "is nothing to draw from"),
        ("dropout = [0.1, 3]", "dropout = 3 is not valid"),
        ('optimizer = {low = "adam", high = "muon"}', "optimizer has no range"),
        ("augmentation = {low = 0, high = 100}", "is not valid"),
        ("augmentation = [-1]", "augmentation = -1 is not valid"),
        ("augmentation = [0, 20]", "rotation = 240.0 is not valid"),
        ("augmentation = [nan]", "rotation = nan is not valid"),
        ("epochs = [1, 2]", "epochs is the same in all trials"),
        ("", "names nothing to search"),
        ("dense = [", "is not TOML"),
        ('kernel_size = ["9"]\npadding = ["valid"]', "nothing of a 28x28 picture is left after block"),
    ],
)
def test_what_cannot_be_searched_is_told_in_one_sentence(text: str, told: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    with pytest.raises(InkdigitError) as raised:
        space.from_file(file, Settings())
    assert told in str(raised.value)
    assert str(raised.value).startswith(str(file))
    assert "\n" not in str(raised.value)


def test_a_logarithm_does_not_start_at_nothing(tmp_path: Path) -> None:
    base = with_values(Settings(), {"weight_decay": 0}, "here")
    with pytest.raises(InkdigitError, match="logarithmic range, and 0 to start from"):
        space.from_file(written(tmp_path, "weight_decay = {low = 0.001, high = 0.1, log = true}"), base)
