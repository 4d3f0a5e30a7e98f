"""A run folder while it is built: its lock, its job and its checkpoints, beside the place where the run will be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import MANIFEST
from inkdigit.utils.files import write_json

JOB_FILE = "job.json"
CHECKPOINTS = "checkpoints"  # a subfolder

Identity = Mapping[str, Any]


def is_occupied(out: Path) -> bool:
    """Whether `out` exists and holds anything. Raises InkdigitError when it is not a folder."""
    if out.exists() and not out.is_dir():
        raise InkdigitError(f"{out} is a file: --out names a folder for the run.", code="run-folder-is-file")
    return out.is_dir() and any(out.iterdir())


def partial_folder(out: Path) -> Path:
    """The folder where the run of `out` is built: beside it, or beside the folder that it links to."""
    out = Path(os.path.realpath(out))
    return out.with_name(f".{out.name}.partial")


def has_checkpoints(folder: Path) -> bool:
    """Whether a folder that `build_folder` yielded holds anything to continue from."""
    return any((folder / CHECKPOINTS).glob("[!.]*"))  # a hidden file is one that a kill cut short


def read_job(out: Path) -> dict[str, Any]:
    """Read the job that an interrupted process was building for `out`.

    Returns:
        What that process gave to `build_folder`, with a mapping at "identity" and another at its "settings".

    Raises:
        InkdigitError: Nothing is unfinished there, or its job file is damaged.
    """
    if (out / MANIFEST).is_file():
        raise InkdigitError(f"{out} is a finished run: there is nothing to resume.", code="run-finished")
    try:
        job = json.loads((partial_folder(out) / JOB_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InkdigitError(
            f"There is no unfinished training of {out} to resume: start it with `inkdigit train --out {out}`.",
            code="run-not-started",
        ) from None
    except (OSError, ValueError):
        raise damaged_job(out) from None
    identity = job.get("identity") if isinstance(job, dict) else None
    if not isinstance(identity, dict) or not isinstance(identity.get("settings"), dict):
        raise damaged_job(out)
    return job


def damaged_job(out: Path) -> InkdigitError:
    """The error where `read_job` finds something else than a job."""
    folder = partial_folder(out)
    return InkdigitError(
        f"{out} has an unfinished training, and {folder / JOB_FILE}, which says what it was, is damaged: "
        f"give it up by removing {folder}.",
        code="job-damaged",
    )


@contextmanager
def build_folder(
    out: Path, job: dict[str, Any], complete: Callable[[Identity], dict[str, Any]] = dict
) -> Generator[Path]:
    """Yield a folder beside `out` to build a run in; it becomes `out`, all at once, when the block ends.

    What the block writes into its subfolder CHECKPOINTS outlives an interruption, a kill included: the same job finds
    it there again. Without any, the folder is removed and `out` stays as it was.

    Args:
        out: where the run will be.
        job: what is built. Its "identity" must be the interrupted job's.
        complete: adds to an interrupted job's identity what older versions did not write.

    Raises:
        InkdigitError: There are checkpoints of another job, another process builds this run or has just finished it,
            or nothing can be written.
    """
    folder, place = partial_folder(out), Path(os.path.realpath(out))
    if place == Path.cwd() or place.is_mount():
        what = "a mount point" if place.is_mount() else "the folder you are in"
        raise InkdigitError(
            f"{out} is {what}, and a run takes a folder's place: name a new folder.", code="run-folder-in-use"
        )
    _make_folder(folder.parent, out)
    with lock_folder(folder, out):
        if is_occupied(place):
            raise InkdigitError(f"{out} has just been finished by another process.", code="run-folder-occupied")
        _make_folder(folder / CHECKPOINTS, out)
        try:
            _require_same_job(folder, out, job["identity"], complete)
            _remove_all_but_checkpoints(folder)
            write_json(folder / JOB_FILE, job)
            yield folder
            if place.is_dir():
                place.rmdir()  # only ever an empty one: see `is_occupied`
            folder.rename(place)
            # Only now: whatever goes wrong before the run is in its place must not cost the training.
            remove_build_files(out)
        except BaseException:  # a kill by Ctrl-C too; raised again below
            if not has_checkpoints(folder):
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _make_folder(folder: Path, out: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from None


def _unwritable(out: Path, error: OSError) -> InkdigitError:
    return InkdigitError(
        f"{out} cannot be written ({error.strerror}): choose another --out.", code="run-folder-unwritable"
    )


def remove_leftovers(out: Path) -> None:
    """Remove what a kill in the last moment left in a finished run and beside it.

    Raises:
        InkdigitError: Another process is just finishing the run, or nothing can be removed.
    """
    folder = partial_folder(out)
    if any(path.exists() for path in (out / CHECKPOINTS, out / JOB_FILE, _lock_file(folder))):
        with lock_folder(folder, out):
            remove_build_files(out)


def remove_build_files(out: Path) -> None:
    """Remove from a run what only an unfinished one needs."""
    if (out / CHECKPOINTS).is_dir():
        shutil.rmtree(out / CHECKPOINTS)
    (out / JOB_FILE).unlink(missing_ok=True)


def _remove_all_but_checkpoints(folder: Path) -> None:
    """Remove what a killed process left half-done beside its checkpoints."""
    for path in folder.iterdir():
        if path.name not in {CHECKPOINTS, JOB_FILE}:
            path.unlink()


@contextmanager
def lock_folder(folder: Path, out: Path) -> Generator[None]:
    """Keep every other process from working in `folder` while the block runs.

    The lock is a file beside the folder, so that it is held while the folder is renamed. The system frees the lock of
    a process that was killed.

    Args:
        folder: what is locked; it need not exist yet, but its parent must.
        out: the folder that an error names.

    Raises:
        InkdigitError: Another process holds the lock, or the lock file cannot be written.
    """
    path = _lock_file(folder)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InkdigitError(
            f"Another process is writing {out}: wait until it ends, or choose another --out.", code="run-locked"
        ) from None
    except OSError as error:
        raise _unwritable(out, error) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file: there it stays behind, empty
            path.unlink()
        lock.release()


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f".{folder.name.removeprefix('.')}.lock")


def _require_same_job(
    folder: Path, out: Path, identity: Identity, complete: Callable[[Identity], dict[str, Any]]
) -> None:
    if not has_checkpoints(folder):
        return
    earlier = complete(read_job(out)["identity"])
    different = [key.removesuffix("_sha256") for key in identity if earlier.get(key) != identity[key]]
    if different:
        raise InkdigitError(
            f"{out} has an unfinished training with other {' and '.join(different)}: choose another --out, go on with "
            f"it (--resume {out}), or give it up by removing {folder}.",
            code="job-differs",
        )
