"""MNIST: the same 70,000 digits from whatever source answers, and nothing else."""

import gzip
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from inkdigit.data import mnist
from inkdigit.errors import InkdigitError
from inkdigit.utils.files import cache_dir

IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
CLOSED = "http://127.0.0.1:9/"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def originals() -> Path:
    """The four files, fetched where they are not there yet."""
    mnist.load()
    return cache_dir() / "mnist"


@pytest.fixture(scope="module")
def served(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mirror on this machine: the right files below good/, a wrong one below bad/."""
    root = tmp_path_factory.mktemp("mirror")
    for kind in ("good", "bad"):
        (root / kind).mkdir()
    for name in mnist.SHA256:
        (root / "good" / f"{name}.gz").write_bytes(gzip.compress((originals / name).read_bytes(), 1))
        (root / "bad" / f"{name}.gz").write_bytes(gzip.compress(b"something else"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, originals: Path) -> None:
    """An empty cache, and a pip that finds nothing."""
    monkeypatch.setenv("INKDIGIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


def test_the_digits_are_mnists():
    train, test = mnist.load()
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.images.dtype == np.uint8
    assert train.labels is not None
    assert test.labels is not None
    assert train.labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert test.labels[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    # Ink is bright on dark paper.
    assert np.median(train.images) == 0


def test_a_mirror_that_serves_something_else_is_passed_over(
    served: str, tmp_path: Path, originals: Path, no_package: None
):
    said = mnist.fetch(tmp_path / "to", mirrors=[CLOSED, f"{served}bad/", f"{served}good/"])
    assert f"{served}good/" in said
    assert str(tmp_path / "to") in said
    for name in mnist.SHA256:
        assert (tmp_path / "to" / name).read_bytes() == (originals / name).read_bytes()

    assert "already" in mnist.fetch(tmp_path / "to", mirrors=[])


def test_files_placed_by_hand_are_taken(tmp_path: Path, originals: Path, no_package: None):
    folder = tmp_path / "cache" / "mnist"
    folder.mkdir(parents=True)
    for name in mnist.SHA256:
        shutil.copy(originals / name, folder)
    for name in (IMAGES, LABELS):
        packed = gzip.compress((folder / name).read_bytes(), 1)
        (folder / f"{name}.gz").write_bytes(packed)
    (folder / IMAGES).unlink()
    (folder / LABELS).write_bytes(b"half a file")
    assert "already" in mnist.fetch(mirrors=[])
    assert (folder / LABELS).read_bytes() == (originals / LABELS).read_bytes()
    _, test = mnist.load()
    assert len(test) == 10_000


def test_the_cache_serves_another_folder(tmp_path: Path, originals: Path):
    assert str(originals) in mnist.fetch(tmp_path / "copy", mirrors=[])
    assert (tmp_path / "copy" / IMAGES).read_bytes() == (originals / IMAGES).read_bytes()


def test_when_none_answers_every_attempt_and_the_way_by_hand_are_named(served: str, tmp_path: Path, no_package: None):
    folder = tmp_path / "to"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(b"half a file")
    with pytest.raises(InkdigitError) as raised:
        mnist.fetch(folder, mirrors=[CLOSED, f"{served}bad/", f"{served}absent/"])
    message = str(raised.value)
    assert f"files already in {folder} (train-images-idx3-ubyte has the wrong SHA-256)" in message
    assert f"{CLOSED} (" in message
    assert "refused" in message
    assert f"{served}bad/ (train-images-idx3-ubyte has the wrong SHA-256)" in message
    assert f"{served}absent/ (HTTP Error 404" in message or f"{served}absent/ (File not found)" in message
    assert "through pip (ERROR: No matching distribution" in message
    assert f"{IMAGES}, {LABELS} in {folder}" in message
    assert "\n" not in message
    assert [path.name for path in folder.iterdir()] == ["train-images-idx3-ubyte"]
