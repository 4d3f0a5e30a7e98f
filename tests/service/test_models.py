"""A folder of versions: which are loaded, which answers, which are refused."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from inkdigit.service import models as service_models
from inkdigit.service.models import Models
from tests.errors import refused
from tests.handmade import bare_run
from tests.onnx_models import constant_model, linear_model


class Log:
    """What the models log."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, level: str, sentence: str) -> None:
        self.lines.append((level, sentence))

    @property
    def errors(self) -> list[str]:
        return [sentence for level, sentence in self.lines if level == "error"]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def models(log: Log) -> Models:
    return Models(1, 2, log)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with version 1."""
    bare_run(tmp_path / "models" / "1", constant_model(1))
    return tmp_path / "models"


def look(models: Models, folder: Path) -> list[int]:
    """Load what has changed in the folder; the loaded versions."""
    new, found = models.load_changes(folder)
    models.adopt(found, new)
    return sorted(models.loaded)


def test_the_highest_answers_and_removing_it_rolls_back(models: Models, folder: Path, log: Log) -> None:
    models.load_folder(folder)
    assert models.current.version == 1
    for version in (2, 10):
        bare_run(folder / str(version), constant_model(version % 10))
    assert look(models, folder) == [1, 2, 10]
    assert models.current.version == 10
    shutil.rmtree(folder / "10")
    assert look(models, folder) == [1, 2]
    assert models.current.version == 2
    assert [level for level, _ in log.lines] == ["info", "info"]


def test_the_last_version_stays_when_all_are_removed(models: Models, folder: Path) -> None:
    models.load_folder(folder)
    shutil.rmtree(folder / "1")
    assert look(models, folder) == [1]


def test_a_version_is_loaded_when_its_manifest_has_come(models: Models, folder: Path, log: Log) -> None:
    models.load_folder(folder)
    made = bare_run(folder.with_name("made"), constant_model(2))
    (folder / "2").mkdir()
    shutil.copy(made / "model.onnx", folder / "2")
    assert look(models, folder) == [1]
    shutil.copy(made / "manifest.json", folder / "2")
    assert look(models, folder) == [1, 2]
    assert log.errors == []


def test_a_broken_version_is_refused_once_and_loaded_when_it_is_repaired(
    models: Models, folder: Path, log: Log
) -> None:
    models.load_folder(folder)
    with (bare_run(folder / "2", constant_model(2)) / "model.onnx").open("ab") as file:
        file.write(b"more")
    bare_run(folder / "3", b"not ONNX")
    for _ in range(2):
        assert look(models, folder) == [1]
    assert [place for line in log.errors for place in ("/2", "/3") if place in line] == ["/2", "/3"]
    bare_run(folder / "3", constant_model(3))
    assert look(models, folder) == [1, 3]


def test_an_unchanged_version_is_not_loaded_again(models: Models, folder: Path) -> None:
    models.load_folder(folder)
    first = models.current
    look(models, folder)
    assert models.current is first


def test_a_version_is_found_by_its_number(models: Models, folder: Path) -> None:
    bare_run(folder / "x", constant_model(2))
    bare_run(folder / "02", constant_model(2))
    models.load_folder(folder)
    assert models.find("1") is models.current
    for version in ("2", "01", "x", "", "9" * 5000):
        assert models.find(version) is None


def test_a_folder_without_a_version_that_works_is_refused(models: Models, folder: Path, log: Log) -> None:
    (folder / "1" / "model.onnx").write_bytes(b"")
    with refused("version-not-found", folder):
        models.load_folder(folder)
    assert len(log.errors) == 1
    with refused("folder-unreadable", folder / "nothing"):
        models.load_folder(folder / "nothing")


def test_a_model_with_other_inputs_is_refused(models: Models, tmp_path: Path) -> None:
    run = bare_run(tmp_path / "run", linear_model().replace(b"pixels", b"voxels"))
    with refused("model-broken", run):
        models.load_one(run)


def test_watching_reports_changes_and_goes_on_after_an_error(
    models: Models, folder: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_models, "POLL_SECONDS", 0.001)
    models.load_folder(folder)

    async def watch() -> None:
        changed = asyncio.Event()
        watching = asyncio.create_task(models.watch(folder, changed.set))
        folder.rename(folder.with_name("away"))
        while not log.errors:
            await asyncio.sleep(0.001)
        folder.with_name("away").rename(folder)
        bare_run(folder.with_name("made"), constant_model(2)).rename(folder / "2")
        await asyncio.wait_for(changed.wait(), 30)
        watching.cancel()

    asyncio.run(watch())
    assert models.current.version == 2
