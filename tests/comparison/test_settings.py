"""Manifests -> the settings that differ."""

from __future__ import annotations

import dataclasses
from typing import Any

from inkdigit.comparison.settings import TRAINING_DATA, setting_differences
from inkdigit.training.config import preset


def manifest(sha256: str = "a" * 64, source: str = "train.csv", **settings: Any) -> dict[str, Any]:
    values = dataclasses.asdict(dataclasses.replace(preset("fast"), **settings))
    return {"settings": values, "train": {"source": source, "sha256": sha256}}


def differences(*manifests: dict[str, Any]) -> dict[str, list[str]]:
    return {one.name: one.values for one in setting_differences(manifests)}


def test_equal_runs_have_no_difference() -> None:
    assert differences(manifest(), manifest()) == {}


def test_only_settings_that_differ_are_listed() -> None:
    assert differences(manifest(seed=5), manifest(), manifest()) == {"seed": ["5", "0", "0"]}


def test_units_and_meanings_are_shown() -> None:
    (difference,) = setting_differences([manifest(rotation=3), manifest(rotation=4)])
    assert difference.values[0].startswith("3")
    assert difference.meaning


def test_the_same_data_under_another_name_is_no_difference() -> None:
    assert differences(manifest(source="one.csv"), manifest(source="other.npz")) == {}
    assert list(differences(manifest(), manifest(sha256="b" * 64))) == [TRAINING_DATA]


def test_settings_that_this_version_does_not_know_are_shown_as_they_are() -> None:
    newer, older = manifest(), manifest()
    newer["settings"]["mystery"] = [1, 2]
    del older["settings"]["zoom"]
    zoom = differences(newer, older)["zoom"]
    assert differences(newer, older)["mystery"] == ["(1, 2)", "–"]
    assert zoom[0].startswith("0.12")
    assert zoom[1] == "–"


def test_own_networks_are_told_apart_by_their_content() -> None:
    own = manifest() | {"model_file": "def build(settings): ..."}
    values = differences(manifest(), own)["network"]
    assert values[0] == "Inkdigit's"
    assert values[1].startswith("own file ")
