"""A run folder: what a training leaves behind. The manifest is written last and names every file with its SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import atomic

MANIFEST_FORMAT = 1
MANIFEST = "manifest.json"
ONNX_MODEL = "model.onnx"
KERAS_MODEL = "model.keras"
NOT_DIGIT_MODEL = "not_digit.onnx"  # tells what is no digit, in a run that has it
SHIPPED_RUN = Path(__file__).parents[1] / "shipped"  # the run whose model comes with the package
JOB_FILE, LOCK_FILE, CHECKPOINTS = "job.json", "lock", "checkpoints"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its manifest as read."""

    folder: Path
    manifest: dict[str, Any]


def read_run(folder: Path) -> Run:
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
    if version == MANIFEST_FORMAT and not (isinstance(files, dict) and isinstance(manifest.get("settings", {}), dict)):
        raise InkdigitError(f"{path} is damaged: train again, or restore the file.")
    if version != MANIFEST_FORMAT:
        raise InkdigitError(
            f"{path} has format {version!r}, and this Inkdigit reads format {MANIFEST_FORMAT}: "
            "install a newer Inkdigit."
        )
    return Run(folder, manifest)


def read_distinct_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in several folders. Raises InkdigitError as `read` does, and when two of them hold the same model."""
    found: dict[str, Run] = {}
    for run in map(read_run, folders):
        model = str(run.manifest["files"].get(ONNX_MODEL, run.folder.absolute()))
        if model in found:
            raise InkdigitError(f"{found[model].folder} and {run.folder} hold the same model: name each run once.")
        found[model] = run
    return list(found.values())


def file_checksum(folder: Path, name: str) -> str:
    """The SHA-256 (hex) that a run's manifest gives for one of its files. Raises InkdigitError."""
    try:
        return read_run(folder).manifest["files"][name]["sha256"]
    except (KeyError, TypeError):
        raise InkdigitError(f"{folder / MANIFEST} does not name {name}: train again.") from None


def read_verified(folder: Path, name: str) -> bytes:
    """A file of a run, after its SHA-256 has been compared with the manifest's. Raises InkdigitError."""
    expected = file_checksum(folder, name)
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InkdigitError(f"{path} cannot be read: {error.strerror}; restore the file or train again.") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise InkdigitError(
            f"{path} is not the file that its manifest names (SHA-256 differs): restore the file or train again."
        )
    return content


def is_occupied(out: Path) -> bool:
    """Whether `out` is there and holds anything. Raises InkdigitError when it is not a folder."""
    if out.exists() and not out.is_dir():
        raise InkdigitError(f"{out} is a file: --out names a folder for the run.")
    return out.is_dir() and any(out.iterdir())


def partial_folder(out: Path) -> Path:
    """Where the run that will be `out` is built: beside it, or beside the folder that it links to."""
    out = Path(os.path.realpath(out))
    return out.with_name(f".{out.name}.partial")


def read_job(out: Path) -> dict[str, Any]:
    """What an interrupted process was building for `out`, as it gave it to `building`. InkdigitError when nothing."""
    if (out / MANIFEST).is_file():
        raise InkdigitError(f"{out} is a finished run: there is nothing to resume.")
    try:
        job = json.loads((partial_folder(out) / JOB_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InkdigitError(
            f"There is no unfinished training of {out} to resume: start it with `inkdigit train --out {out}`."
        ) from None
    except (OSError, ValueError):
        raise damaged_job(out) from None
    if not isinstance(job, dict) or not isinstance(job.get("identity"), dict):
        raise damaged_job(out)
    return job


def damaged_job(out: Path) -> InkdigitError:
    """What to say where `read_job` finds something else than a job."""
    folder = partial_folder(out)
    return InkdigitError(
        f"{out} has an unfinished training, and {folder / JOB_FILE}, which says what it was, is damaged: "
        f"give it up by removing {folder}."
    )


@contextmanager
def build_folder(out: Path, job: dict[str, Any], completed: Callable[[Any], dict[str, Any]] = dict) -> Generator[Path]:
    """Yield a folder beside `out` to build a run in; it becomes `out`, all at once, when the block ends.

    What the block puts into its subfolder CHECKPOINTS outlives an interruption, a kill included: the same job finds it
    there again. Without any, the folder goes and `out` stays as it was. `job` says what is built; its "identity" must
    be the interrupted one's, once that is `completed` to what would be kept today. Raises InkdigitError for another
    job's checkpoints, for a folder that another process is at work in, and where nothing can be written.
    """
    folder, place = partial_folder(out), Path(os.path.realpath(out))
    if place == Path.cwd():
        raise InkdigitError(f"{out} is the folder you are in, and a run takes a folder's place: name a new one.")
    try:
        (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InkdigitError(f"{out} cannot be written ({error.strerror}): choose another --out.") from None
    with lock_folder(folder, out) as lock:
        try:
            _same_job(folder, out, job["identity"], completed)
            _clear(folder)
            write_json(folder / JOB_FILE, job)
            yield folder
            if place.is_dir():
                place.rmdir()  # only ever an empty one: see `occupied`
            lock.release()
            (folder / LOCK_FILE).unlink(missing_ok=True)
            folder.rename(place)
            # Only now: whatever goes wrong before the run is in its place must not cost the training.
            remove_build_files(out)
        except BaseException:  # a kill by Ctrl-C too; raised again below
            if not has_checkpoints(folder):
                lock.release()
                shutil.rmtree(folder, ignore_errors=True)
            raise


def remove_build_files(out: Path) -> None:
    """Remove from a finished run what only an unfinished one needs: a kill in the last moment may leave it there."""
    if (out / CHECKPOINTS).is_dir():
        shutil.rmtree(out / CHECKPOINTS)
    (out / JOB_FILE).unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Remove what a killed process left half-done beside its checkpoints."""
    for path in folder.iterdir():
        if path.name not in {CHECKPOINTS, JOB_FILE, LOCK_FILE}:
            path.unlink()


@contextmanager
def lock_folder(folder: Path, out: Path) -> Generator[FileLock]:
    """Inside, no other process works in `folder` for `out`, or InkdigitError; the system frees a killed one's lock."""
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InkdigitError(f"{out} is in another process's hands: let it end, or choose another --out.") from None
    try:
        yield lock
    finally:
        lock.release()


def _same_job(folder: Path, out: Path, identity: dict[str, Any], completed: Callable[[Any], dict[str, Any]]) -> None:
    if not has_checkpoints(folder):
        return
    earlier = completed(read_job(out)["identity"])
    different = [key.removesuffix("_sha256") for key in identity if earlier.get(key) != identity[key]]
    if different:
        raise InkdigitError(
            f"{out} has an unfinished training with other {' and '.join(different)}: choose another --out, go on with "
            f"it (--resume {out}), or give it up by removing {folder}."
        )


def has_checkpoints(folder: Path) -> bool:
    """Whether a folder that `building` yielded holds anything to go on from."""
    checkpoints = folder / CHECKPOINTS
    return any(checkpoints.glob("[!.]*"))  # hidden is what a kill cut short


def write_json(path: Path, content: dict[str, Any]) -> None:
    """A JSON file, complete or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_manifest(folder: Path, names: list[str], about: dict[str, Any]) -> Run:
    """Finish a run: the manifest with `about` and the checksum of each named file."""
    manifest = {"format": MANIFEST_FORMAT, **about, "files": {name: _described(folder / name) for name in names}}
    write_json(folder / MANIFEST, manifest)
    return Run(folder, manifest)


def add_to_manifest(folder: Path, names: Iterable[str], outdated: Iterable[str] = ()) -> None:
    """Name files just written in a run's manifest, with their checksums; remove outdated ones from both."""
    manifest = read_run(folder).manifest
    manifest["files"] |= {name: _described(folder / name) for name in names}
    for name in outdated:
        del manifest["files"][name]
    write_json(folder / MANIFEST, manifest)
    for name in outdated:
        (folder / name).unlink(missing_ok=True)


def _described(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def run_summary(run: Run) -> str:
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
