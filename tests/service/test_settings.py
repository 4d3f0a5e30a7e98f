"""The server's settings: where they come from, which wins, and what is refused."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from inkdigit.service.settings import ServiceSettings, gather, variable
from tests.errors import refused

OTHERS: dict[str, Any] = {  # another value for each setting
    "host": "::1",
    "port": 8123,
    "model": "runs/mine",
    "models": "runs",
    "workers": 2,
    "threads": 3,
    "max_batch": 5,
    "max_queue": 6,
    "max_reads": 4,
    "read_memory": 300,
    "max_images": 7,
    "max_body": 9,
    "max_pixels": 10,
    "deadline": 1.5,
    "read_deadline": 1.75,
    "read_timeout": 2.5,
    "keep_alive": 0.0,
    "grace": 3.5,
    "api_key_file": "keys",
    "cors_origins": "https://one.example, http://two.example:8080",
}
PAIR = {"model", "models"}  # of which only one can be given


@pytest.mark.parametrize("name", [f.name for f in fields(ServiceSettings)])
def test_an_option_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "serve.toml"
    other, default = OTHERS[name], getattr(ServiceSettings(), name)
    assert other != default
    file.write_text(f"{name} = {json.dumps(other)}")
    given, text = {variable(name): str(other)}, str(default)
    assert getattr(gather(file, {}, {}), name) == other
    assert getattr(gather(None, given, {}), name) == other
    assert getattr(gather(None, {}, {name: str(other)}), name) == other
    if text:  # an empty variable is ignored
        assert getattr(gather(file, {variable(name): text}, {}), name) == default
    assert getattr(gather(file, given, {name: text}), name) == default
    assert gather(file, {variable(name): ""}, {name: None}) == gather(file, {}, {})


WRONG: list[tuple[str, Any]] = [
    ("host", 5),
    ("host", "a\nb"),
    ("port", "http"),
    ("port", "8e3"),
    ("port", -1),
    ("port", 65536),
    ("port", True),
    ("workers", 0),
    ("workers", "1.5"),
    ("workers", [2]),
    ("deadline", 0),
    ("deadline", "nan"),
    ("deadline", float("inf")),
    ("max_body", "8 MiB"),
    ("keep_alive", -0.1),
    ("model", None),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused(tmp_path: Path, name: str, value: object) -> None:
    ways: dict[str, Any] = {}
    if isinstance(value, str):
        ways["INKDIGIT_"] = (None, {variable(name): value}, {})
        ways["command line"] = (None, {}, {name: value})
    file = tmp_path / "serve.toml"
    if value is not None:
        file.write_text(f"{name} = {value if isinstance(value, float) else json.dumps(value)}")
        ways[str(file)] = (file, {}, {})
    for where, way in ways.items():
        with refused("setting-invalid", where, name, repr(value)):
            gather(*way)


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    for text, name in {"max_bodies = 8": "max_bodies", "[serve]\nport = 8000": "serve"}.items():
        file.write_text(text)
        with refused("setting-unknown", file, name):
            gather(file, {}, {})


def test_model_and_models_exclude_each_other() -> None:
    with refused("option-conflict", "model"):
        gather(None, {"INKDIGIT_MODELS": "runs"}, {"model": "runs/mine"})


INVALID_ORIGINS = ["example.org", "https://example.org/", "https://a.example https://b.example", "null"]


@pytest.mark.parametrize("origins", INVALID_ORIGINS)
def test_an_origin_that_would_never_match_is_refused(origins: str) -> None:
    with refused("setting-invalid", "cors_origins", origins):
        gather(None, {}, {"cors_origins": f"*, {origins}"})
