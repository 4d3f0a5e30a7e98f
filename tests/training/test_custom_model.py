"""A user's own file as the network, and the network of an earlier run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from inkdigit.runs.run import write_manifest
from inkdigit.training.config import Settings
from inkdigit.training.custom_model import load_build_function, trained_build_function
from tests.conftest import LINEAR
from tests.errors import refused
from tests.handmade import name_in_manifest

WITH_DATACLASS = '''
from __future__ import annotations

from dataclasses import dataclass, fields

import keras
from keras import layers


@dataclass
class Width:
    """Looked up by its name in sys.modules, since annotations are texts."""

    units: int = 10


def build(settings):
    width = Width(**{field.name: 10 for field in fields(Width)})
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(width.units, "softmax")])
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "network.py"


@pytest.mark.parametrize("source", [LINEAR, WITH_DATACLASS])
def test_build_of_a_file_gives_its_model(file: Path, source: str) -> None:
    file.write_text(source)
    model = load_build_function(file)(Settings())
    assert model.output_shape == (None, 10)
    assert [path.name for path in file.parent.iterdir()] == ["network.py"]  # no bytecode beside it


def test_a_file_may_be_named_as_a_library(tmp_path: Path) -> None:
    file = tmp_path / "keras.py"
    file.write_text(LINEAR)
    assert load_build_function(file)(Settings())
    assert sys.modules["keras"] is keras


def test_build_gets_the_settings(file: Path) -> None:
    file.write_text(LINEAR.replace("layers.Dense(10", "layers.Dense(settings.dense"))
    assert load_build_function(file)(Settings(dense=10)).output_shape == (None, 10)


@pytest.mark.parametrize(
    ("source", "code", "place"),
    [
        ("", "model-file-without-build", "network.py"),
        ("build = 5\n", "model-file-without-build", "network.py"),
        ("def build(settings)\n    return 5\n", "model-file-fails", "line 1"),
        ("import no_such_library\n", "model-file-fails", "line 1"),
        ("\n\nbuild = 1 / 0\n", "model-file-fails", "line 3"),
        ("\x00", "model-file-fails", "network.py"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_refused(file: Path, source: str, code: str, place: str) -> None:
    file.write_text(source)
    with refused(code, file, place) as caught:
        load_build_function(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ("return 5", "model-file-without-model", "int"),
        ("return None", "model-file-without-model", "NoneType"),
        ("return 1 / 0", "model-file-fails", "line 2"),
        ("raise ValueError('two\\nlines')", "model-file-fails", "line 2"),
        ("return int('five')", "model-file-fails", "line 2"),
        ("raise MemoryError", "memory-exceeded", "batch_size"),
    ],
)
def test_a_build_that_fails_is_refused(file: Path, body: str, code: str, place: str) -> None:
    file.write_text(f"def build(settings):\n    {body}\n")
    build = load_build_function(file)
    with refused(code, place) as caught:
        build(Settings())
    assert "\n" not in str(caught.value)


def test_only_a_python_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(LINEAR)
    (tmp_path / "folder.py").mkdir()
    for name in ("model.txt", "folder.py", "absent.py"):
        with refused("model-file-not-python", tmp_path / name):
            load_build_function(tmp_path / name)


def keras_run(folder: Path) -> keras.Model:
    """A run with a Keras model; gives the model."""
    model = keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    folder.mkdir()
    model.save(folder / "model.keras")
    write_manifest(folder, ["model.keras"], {})
    return model


def test_a_runs_network_is_given_with_its_weights(tmp_path: Path) -> None:
    model = keras_run(tmp_path / "run")
    build = trained_build_function(tmp_path / "run")
    first, second = build(Settings()), build(Settings())
    assert first is not second
    for loaded in (first, second):
        for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_runs_network_that_cannot_be_loaded_is_refused(tmp_path: Path) -> None:
    keras_run(tmp_path / "run")
    path = tmp_path / "run" / "model.keras"
    path.write_bytes(b"no network")
    with refused("checksum-differs", path):
        trained_build_function(tmp_path / "run")
    name_in_manifest(tmp_path / "run", "model.keras")
    build = trained_build_function(tmp_path / "run")
    with refused("keras-model-unreadable", path):
        build(Settings())


def test_a_runs_network_may_bring_no_code(tmp_path: Path) -> None:
    """A lambda would be run when it is loaded."""

    def layer(function: Callable[[Any], Any]) -> Any:
        return layers.Lambda(function, output_shape=(28, 28))

    model = keras.Sequential([keras.Input((28, 28)), layer(lambda x: x), layers.Flatten(), layers.Dense(10, "softmax")])
    model.save(tmp_path / "model.keras")
    write_manifest(tmp_path, ["model.keras"], {})
    with refused("keras-model-unreadable", tmp_path / "model.keras"):
        trained_build_function(tmp_path)(Settings())
