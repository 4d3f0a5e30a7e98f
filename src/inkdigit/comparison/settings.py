"""Manifests of several runs -> the settings in which the runs differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from inkdigit.training.config import Settings
from inkdigit.utils.options import describe_settings

TRAINING_DATA = "training data"
MISSING = "–"  # shown for a run that does not have the setting


@dataclass(frozen=True)
class SettingDifference:
    """A setting in which the runs differ.

    Attributes:
        name: The setting.
        values: Its value in each run, in the order of the runs; "–" if a run does not have it.
        meaning: What the setting does; "" if this version does not know it.
    """

    name: str
    values: list[str]
    meaning: str


def setting_differences(manifests: Sequence[Mapping[str, Any]]) -> list[SettingDifference]:
    """Every setting that differs between the runs, and their training data and network if those differ."""
    every = [_settings(manifest) for manifest in manifests]
    if len({(manifest.get("train") or {}).get("sha256") for manifest in manifests}) == 1:
        for settings in every:  # the same images, even if the files have different names
            del settings[TRAINING_DATA]
    found: list[SettingDifference] = []
    for name in dict.fromkeys(name for settings in every for name in settings):
        values = [settings.get(name, (MISSING, "")) for settings in every]
        if len({value for value, _ in values}) > 1:
            found.append(SettingDifference(name, [value for value, _ in values], max(meaning for _, meaning in values)))
    return found


def _settings(manifest: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Name -> value and meaning. Settings that this version does not know keep their plain value."""
    stored = {name: _tuples(value) for name, value in manifest["settings"].items()}
    known = {f.name for f in fields(Settings)} & stored.keys()
    described = describe_settings(Settings(**{name: stored[name] for name in known}))
    explained = {
        name: (f"{value} {unit}".strip(), meaning) for name, value, unit, meaning in described if name in known
    }
    plain = {name: (str(value), "") for name, value in stored.items() if name not in known}
    return explained | plain | _beyond_settings(manifest)


def _beyond_settings(manifest: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    train, source = manifest.get("train") or {}, manifest.get("model_file")
    network = f"own file {hashlib.sha256(source.encode()).hexdigest()[:8]}" if source else "Inkdigit's"
    return {
        TRAINING_DATA: (f"{train.get('source')} ({str(train.get('sha256'))[:8]})", "what the run was trained on"),
        "network": (network, "the file that the network comes from"),
        "start_from": ((manifest.get("start_from") or MISSING)[:8], "the run whose network the training started from"),
        "folds": (str(manifest.get("folds") or MISSING), "number of cross-validated networks that are averaged"),
        "deterministic": (str(manifest.get("deterministic", False)), "whether the same seed gives the same figures"),
    }


def _tuples(value: Any) -> Any:
    """A value from JSON as settings hold it."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
