"""One process at a time at a file."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from inkdigit.errors import InkdigitError


@contextmanager
def exclusive(path: Path, wait: float = 0.0) -> Generator[None]:
    """Keep other processes that call this for `path` out while the block runs.

    The lock is a hidden file beside `path`, whose folder is made if it is missing. The system frees the lock of a
    process that was killed.

    Args:
        path: the file to work on; it need not exist.
        wait: for another process to end, in seconds.

    Raises:
        InkdigitError: another process still works on `path`, or nothing can be written beside it.
    """
    place = Path(os.path.realpath(path))
    beside = place.with_name(f".{place.name}.lock")
    lock = FileLock(beside)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait)
    except Timeout:
        raise InkdigitError(
            f"Another process is writing {path}: wait until it ends, or name another file.", code="file-locked"
        ) from None
    except OSError as error:
        raise InkdigitError(
            f"{path} could not be written ({error.strerror or error}): choose a place that is writable.",
            code="file-unwritable",
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file: there it stays behind, empty
            beside.unlink()
        lock.release()
