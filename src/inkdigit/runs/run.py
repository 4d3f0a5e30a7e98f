"""A finished run folder: its manifest names every file in it with its SHA-256."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import json_document, write_files, write_json
from inkdigit.utils.npz import Arrays, read_npz
from inkdigit.utils.printable import printable

MANIFEST_FORMAT = 1
MANIFEST = "manifest.json"
ONNX_MODEL = "model.onnx"
KERAS_MODEL = "model.keras"
NOT_DIGIT_MODEL = "not_digit.onnx"  # recognises images that show no digit, in a run that has it
METRICS = "metrics.json"
SUBMISSION = "submission.csv"
SHIPPED_RUN = Path(__file__).parents[1] / "shipped"  # the run whose model comes with the package

PLAIN_NAME = re.compile(r"[^/\\\\:\0.][^/\\\\:\0]*")  # of a file in the folder: no path, no hidden file

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and the content of its manifest."""

    folder: Path
    manifest: dict[str, Any]


def read_run(folder: Path) -> Run:
    """Read the manifest of the run in a folder.

    Raises:
        InkdigitError: There is no finished run, its manifest is damaged, or a newer version has written it.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InkdigitError(
            f"{folder} is not a folder: name a run folder, as `inkdigit train` writes it.", code="run-not-found"
        )
    try:
        manifest = json.loads(_read_file(path).decode())
        version, files = manifest["format"], manifest["files"]
    except FileNotFoundError:
        raise InkdigitError(
            f"{folder} holds no finished run, since {MANIFEST} is missing: name a folder that `inkdigit train` has "
            "completed.",
            code="run-not-found",
        ) from None
    except OSError as error:
        raise InkdigitError(f"{path} cannot be read: {error.strerror}.", code="file-unreadable") from None
    except (ValueError, KeyError, TypeError):
        raise damaged_manifest(folder) from None
    if version != MANIFEST_FORMAT:
        raise InkdigitError(
            f"{path} has format {version!r}, and this Inkdigit reads format {MANIFEST_FORMAT}: "
            "install a newer Inkdigit.",
            code="manifest-newer",
        )
    if not all(isinstance(part, dict) for part in (files, manifest.get("settings", {}), manifest.get("figures", {}))):
        raise damaged_manifest(folder)
    for name in files:  # the names are joined to the folder, and outdated files are removed
        if not PLAIN_NAME.fullmatch(name):
            raise damaged_manifest(folder, f"{name!r} is not the name of a file in it")
    return Run(folder, manifest)


def damaged_manifest(folder: Path, reason: object = "") -> InkdigitError:
    """The error where a manifest does not say what it should."""
    what = f"is damaged ({reason})" if reason else "is damaged"
    return InkdigitError(f"{folder / MANIFEST} {what}: train again, or restore the file.", code="manifest-damaged")


def read_distinct_runs(folders: Sequence[Path]) -> list[Run]:
    """Read the runs in several folders. Raises InkdigitError as `read_run` does, and when two hold the same model."""
    found: dict[str, Run] = {}
    for run in map(read_run, folders):
        model = str(run.manifest["files"].get(ONNX_MODEL, run.folder.absolute()))
        if model in found:
            raise InkdigitError(
                f"{found[model].folder} and {run.folder} hold the same model: name each run once.",
                code="run-named-twice",
            )
        found[model] = run
    return list(found.values())


def file_checksum(folder: Path, name: str) -> str:
    """The SHA-256 (hex) of a run's file, from the manifest. Raises InkdigitError where the manifest has none."""
    try:
        return read_run(folder).manifest["files"][name]["sha256"]
    except (KeyError, TypeError):
        raise InkdigitError(
            f"{folder / MANIFEST} does not name {name}: train again.", code="run-file-unnamed"
        ) from None


def read_verified(folder: Path, name: str) -> bytes:
    """Read a file of a run and compare its SHA-256 with the manifest's. Raises InkdigitError where they differ."""
    expected = file_checksum(folder, name)
    path = folder / name
    try:
        content = _read_file(path)
    except OSError as error:
        raise InkdigitError(
            f"{path} cannot be read: {error.strerror}; restore the file or train again.", code="file-unreadable"
        ) from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise InkdigitError(
            f"{path} is not the file that its manifest names (SHA-256 differs): restore the file or train again.",
            code="checksum-differs",
        )
    return content


def _read_file(path: Path) -> bytes:
    """The content of a file, but not of a pipe or a device, which may have no end. Raises OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    return path.read_bytes()


def read_arrays(folder: Path, name: str, convert: Callable[[Arrays], T]) -> T:
    """Read a run's NPZ file, verified, and convert its arrays.

    Args:
        folder: the run.
        name: of the file.
        convert: gets the arrays by name. What it does not find in them, another version has not written.

    Raises:
        InkdigitError: The file is not the one that the manifest names, or another version wrote it.
    """
    content = read_verified(folder, name)
    try:
        return read_npz(io.BytesIO(content), convert)
    except ValueError:
        raise InkdigitError(
            f"{folder / name} was written by another version of Inkdigit: train again, or use that version.",
            code="run-file-incompatible",
        ) from None


def write_manifest(folder: Path, names: Iterable[str], facts: Mapping[str, Any]) -> Run:
    """Finish a run: write its manifest with the facts, and the checksum and size of each named file."""
    manifest = {
        "format": MANIFEST_FORMAT,
        **facts,
        "files": {name: _describe((folder / name).read_bytes()) for name in names},
    }
    write_json(folder / MANIFEST, manifest)
    return Run(folder, manifest)


def write_run_files(folder: Path, files: Mapping[str, bytes], outdated: Iterable[str] = ()) -> None:
    """Write files into a finished run and name them in its manifest, all of it or, on a full disk, nothing.

    Args:
        folder: the run.
        files: file name -> content.
        outdated: files that the manifest names no longer. They are removed, too, unless they were changed since.

    Raises:
        InkdigitError: a file cannot be written.
    """
    manifest = read_run(folder).manifest
    manifest["files"] |= {name: _describe(content) for name, content in files.items()}
    removed = {name: manifest["files"].pop(name) for name in outdated}
    write_files({MANIFEST: json_document(manifest), **files}, folder)  # the manifest takes its place last
    for name, description in removed.items():
        if (folder / name).is_file() and _describe((folder / name).read_bytes()) == description:
            (folder / name).unlink()


def _describe(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def run_summary(run: Run) -> str:
    """The lines that end a training: elapsed time by stage, accuracy with interval, the report's path."""
    stages = json.loads(read_verified(run.folder, METRICS))["stages"]
    titles = [stage.get("title") or stage["name"] for stage in stages]
    width = max(map(len, titles))
    figures = run.manifest["figures"]
    return "\n".join(
        [
            f"Elapsed: {sum(stage['seconds'] for stage in stages):.1f} s",
            *(f"  {title:<{width}}  {stage['seconds']:7.1f} s" for title, stage in zip(titles, stages, strict=True)),
            f"Accuracy on {figures['scored']}: {100 * figures['accuracy']:.2f} % "
            f"(95 % interval {100 * figures['low']:.2f}–{100 * figures['high']:.2f})",
            f"Report: {printable(str(run.folder / 'report.html'))}",
        ]
    )
