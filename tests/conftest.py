"""Real digits, real runs, the real command.

Tests that start a process, train a network, open a browser or take seconds stand in a folder named `system`; all
others are unit tests, which `pytest --ignore-glob='*/system'` runs alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from filelock import FileLock

from inkdigit.cli import main
from inkdigit.data import kaggle_csv, mnist
from inkdigit.data.dataset import Dataset
from tests.paths import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
Command = Callable[..., subprocess.CompletedProcess[str]]
RunAndKill = Callable[..., str]
RUN_SETTINGS = ["--epochs", "4", "--filters", "16, 32, 64"]  # of `run_folder`


@pytest.fixture(scope="session")
def run_command() -> Command:
    """Run the command in a process of its own, as a user does; returns exit code, standard output and error."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("inkdigit"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, check=False)

    return run


@pytest.fixture(scope="session")
def run_in_process() -> Command:
    """Run the command in this process: a process of its own takes seconds to import Keras.

    What a process has beside its arguments (signals, --deterministic, the first import) is tested with `run_command`.
    """

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = list(map(str, arguments))
        with contextlib.chdir(cwd or Path.cwd()):
            done = CliRunner().invoke(main, command, catch_exceptions=False)
        return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)

    return run


LINEAR = """
import keras
from keras import layers
def build(settings):
    ends = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28), dtype="uint8"), layers.Rescaling(1 / 255), *ends])
"""

KILLER = """
import os, signal, sys
event, name = sys.argv[1:3]

def kill(happens, arguments):
    if happens == event and os.path.basename(arguments[event == "os.rename"]) == name:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
from inkdigit.cli import main
main(sys.argv[3:])
"""


@pytest.fixture(scope="session")
def run_and_kill() -> RunAndKill:
    """Run the command and kill it, as `kill -9` does, just before it renames something to `name`.

    With another of Python's audit events, just before that event concerns `name`. Returns what was printed until then.
    """

    def run(name: str, *arguments: object, event: str = "os.rename") -> str:
        command = [sys.executable, "-u", "-c", KILLER, event, name, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def real_digits() -> Dataset:
    """MNIST's first 10,000 training images."""
    train, _ = mnist.load()
    return Dataset(train.images[:10_000], train.required_labels[:10_000], "MNIST")


def part(digits: Dataset, rows: slice, *, labelled: bool = True) -> Dataset:
    """Some rows of a set."""
    return Dataset(digits.images[rows], digits.required_labels[rows] if labelled else None, digits.source)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what all of pytest-xdist's workers share; each thing in it is made inside a block of `making`."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def making(path: Path) -> FileLock:
    """Keeps other workers waiting while one of them makes `path` in the shared folder."""
    return FileLock(path.with_name(f"{path.name}.lock"))


@pytest.fixture(scope="session")
def files(real_digits: Dataset, shared: Path) -> Path:
    """A folder with train.csv (5,000 rows), small.csv (1,000 of them), test.csv and labelled.csv (5,000 others)."""
    folder = shared / "files"
    with making(folder):
        if not folder.exists():
            folder.mkdir()
            kaggle_csv.write_csv(folder / "train.csv", part(real_digits, slice(5000)))
            kaggle_csv.write_csv(folder / "small.csv", part(real_digits, slice(1000)))
            kaggle_csv.write_csv(folder / "test.csv", part(real_digits, slice(5000, None), labelled=False))
            kaggle_csv.write_csv(folder / "labelled.csv", part(real_digits, slice(5000, None)))
    return folder


@pytest.fixture(scope="session")
def run_folder(run_command: Command, files: Path, shared: Path) -> Path:
    """A run trained by the command on 5,000 real digits, once for all tests. Read it, never change it."""
    out = shared / "runs" / "first"
    with making(out.parent):
        if not out.exists():
            data = ["--train", files / "train.csv", "--test", files / "test.csv"]
            done = run_command("train", *data, *RUN_SETTINGS, "--out", out)
            assert done.returncode == 0, done.stderr
            assert "Report: " in done.stdout
    return out


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder,
        ROOT,
    ]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, the same for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()
