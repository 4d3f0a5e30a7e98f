"""A run folder: what a training leaves behind. The manifest is written last and names every file with its SHA-256."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.files import atomic

FORMAT = 1
MANIFEST = "manifest.json"
MODEL = "model.onnx"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its manifest as read."""

    folder: Path
    manifest: dict[str, Any]


def read(folder: Path) -> Run:
    """The run in a folder, its manifest read. Raises InkdigitError when there is none, or one of a newer version."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InkdigitError(f"{folder} is not a folder: name a run folder, as `inkdigit train` writes it.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, files = manifest["format"], manifest["files"]
    except FileNotFoundError:
        raise InkdigitError(
            f"{folder} holds no finished run: {MANIFEST} is missing; name a folder that `inkdigit train` has completed."
        ) from None
    except OSError as error:
        raise InkdigitError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise InkdigitError(f"{path} is damaged: train again, or restore the file.") from None
    if version != FORMAT or not isinstance(files, dict):
        raise InkdigitError(
            f"{path} has format {version!r}, and this Inkdigit reads format {FORMAT}: install a newer Inkdigit."
        )
    return Run(folder, manifest)


def read_distinct(folders: Sequence[Path]) -> list[Run]:
    """The runs in several folders. Raises InkdigitError as `read` does, and when two of them hold the same model."""
    found: dict[str, Run] = {}
    for run in map(read, folders):
        model = str(run.manifest["files"].get(MODEL, run.folder.absolute()))
        if model in found:
            raise InkdigitError(f"{found[model].folder} and {run.folder} hold the same model: name each run once.")
        found[model] = run
    return list(found.values())


def read_verified(folder: Path, name: str) -> bytes:
    """A file of a run, after its SHA-256 has been compared with the manifest's. Raises InkdigitError."""
    files = read(folder).manifest["files"]
    path = folder / name
    try:
        expected = files[name]["sha256"]
        content = path.read_bytes()
    except KeyError:
        raise InkdigitError(f"{folder / MANIFEST} does not name {name}: train again.") from None
    except OSError as error:
        raise InkdigitError(f"{path} cannot be read: {error.strerror}; restore the file or train again.") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise InkdigitError(
            f"{path} is not the file that its manifest names (SHA-256 differs): restore the file or train again."
        )
    return content


def occupied(out: Path) -> bool:
    """Whether `out` is there and holds anything. Raises InkdigitError when it is not a folder."""
    if out.exists() and not out.is_dir():
        raise InkdigitError(f"{out} is a file: --out names a folder for the run.")
    return out.is_dir() and any(out.iterdir())


@contextmanager
def building(out: Path) -> Generator[Path]:
    """Yield a folder beside `out` to build a run in; it becomes `out`, all at once, when the block ends.

    Whatever goes wrong in the block, `out` stays as it was and the folder goes. Raises InkdigitError where nothing can
    be written.
    """
    out = out.absolute()
    folder = out.with_name(f".{out.name}.partial")
    try:
        if folder.exists():  # left by a killed process
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise InkdigitError(f"{out} cannot be written ({error.strerror}): choose another --out.") from None
    try:
        yield folder
        if out.is_dir():
            out.rmdir()  # only ever an empty one: see `occupied`
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_json(path: Path, content: dict[str, Any]) -> None:
    """A JSON file, complete or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_manifest(folder: Path, names: list[str], about: dict[str, Any]) -> Run:
    """Finish a run: the manifest with `about` and the checksum of each named file."""
    files: dict[str, dict[str, Any]] = {}
    for name in names:
        content = (folder / name).read_bytes()
        files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    manifest = {"format": FORMAT, **about, "files": files}
    write_json(folder / MANIFEST, manifest)
    return Run(folder, manifest)


def summary(run: Run) -> str:
    """The lines that end a training: accuracy with interval, elapsed time by stage, the report's path."""
    metrics = json.loads(read_verified(run.folder, "metrics.json"))
    figures = run.manifest["figures"]
    stages = metrics["stages"]
    width = max(len(stage["name"]) for stage in stages)
    lines = [f"  {stage['name']:<{width}}  {stage['seconds']:7.1f} s" for stage in stages]
    return "\n".join(
        [
            f"Elapsed: {sum(stage['seconds'] for stage in stages):.1f} s",
            *lines,
            f"Accuracy on {figures['scored']}: {100 * figures['accuracy']:.2f} % "
            f"(95 % interval {100 * figures['low']:.2f}–{100 * figures['high']:.2f})",
            f"Report: {run.folder / 'report.html'}",
        ]
    )
