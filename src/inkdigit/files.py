"""Files that are either whole or absent, and the folder for what can be fetched or computed again."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from inkdigit.errors import InkdigitError


@contextmanager
def atomic(path: Path) -> Generator[Path]:
    """Yield a temporary path beside `path`; what the block writes there becomes `path` when the block ends.

    The block writes a file, or makes a folder where `path` does not exist yet. Missing parent folders are
    made. Whatever goes wrong, a kill included, `path` stays as it was. An OSError is raised as an
    InkdigitError about writing `path`, so the block should write and do nothing else.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InkdigitError(
            f"{path} could not be written ({reason}): choose another place, or make this one writable."
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            _discard(temporary)


def _discard(path: Path) -> None:
    # Where nothing could be written there may be nothing to remove, and no right to look.
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def cache_dir() -> Path:
    """The folder for what can be made again: INKDIGIT_CACHE if set, else the user's cache directory."""
    chosen = os.environ.get("INKDIGIT_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("inkdigit", appauthor=False)
