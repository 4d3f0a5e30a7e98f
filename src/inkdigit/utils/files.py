"""Files are written whole or not at all, and read only while nothing changes them; the cache directory."""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import shutil
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import platformdirs

from inkdigit.errors import InkdigitError
from inkdigit.utils.printable import encodable

# The exceptions of Python's own readers of gz, zip and npz for damaged bytes.
DAMAGE_ERRORS = (
    EOFError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    ValueError,
    tokenize.TokenError,
    struct.error,
    zlib.error,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
)

_BLOCK_BYTES = 1 << 20  # that are read at a time
_TOKEN_BYTES = 4  # of the random part of a temporary name


@contextmanager
def atomic(path: Path, *, follow: bool = True) -> Generator[Path]:
    """Yield a temporary path beside `path`; what the block writes there becomes `path` when the block ends.

    The block writes a file, or makes a folder where `path` does not exist yet. Missing parent folders are made.
    After an error or a kill, `path` is as it was before. The block
    should only write, since any OSError in it is reported as one of writing `path`.

    Args:
        path: what is written.
        follow: where `path` is a link, whether its target is written, or the link is replaced. In a folder that may
            come from somebody else, a link may lead anywhere.

    Raises:
        InkdigitError: `path` cannot be written, or is a device or a pipe.
    """
    target = Path(os.path.realpath(path)) if follow else Path(os.path.realpath(path.parent), path.name)
    temporary = target.parent / f".{target.name}.{secrets.token_hex(_TOKEN_BYTES)}.tmp"
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            raise InkdigitError(
                f"{path} is a device or a pipe, and a file would take its place: name a file.", code="file-unwritable"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InkdigitError(
            f"{path} could not be written ({reason}): choose another place, or make this one writable.",
            code="file-unwritable",
        ) from error
    finally:
        # After a failure there may be nothing to remove, or no permission to look.
        with suppress(OSError):
            if temporary.is_dir():
                shutil.rmtree(temporary)
            else:
                temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary folders that killed processes left beside `path` when they made a folder by `atomic`.

    The caller keeps other processes from making `path` meanwhile, as `lock.exclusive` does.
    """
    target = Path(os.path.realpath(path))
    pattern = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}\.tmp")
    with suppress(OSError):  # what cannot be removed is in nobody's way
        for entry in os.scandir(target.parent):
            if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)


@contextmanager
def reading(path: Path) -> Generator[None]:
    """Turn what goes wrong while the block reads the file or folder `path` into an InkdigitError.

    Raises:
        InkdigitError: it does not exist or cannot be read, its bytes are damaged, it does not fit into memory, or it
            changed since the block began, so that what was read may be half old and half new.
    """
    try:
        before = _state(path)
        try:
            yield
        except (InkdigitError, OSError, *DAMAGE_ERRORS) as error:
            # A file that is being written looks damaged; the user is helped by the reason.
            if _state(path) != before:
                raise _changed(path) from error
            raise
        if _state(path) != before:
            raise _changed(path)
    except FileNotFoundError as error:
        raise InkdigitError(f"{path} does not exist: check the name and the folder.", code="file-not-found") from error
    except DAMAGE_ERRORS as error:
        raise InkdigitError(
            f"{path} is damaged ({_in_one_line(error)}): download or pack it again.", code="file-damaged"
        ) from error
    except OSError as error:
        raise InkdigitError(
            f"{path} could not be read ({error.strerror or _in_one_line(error)}).", code="file-unreadable"
        ) from error
    except MemoryError as error:
        raise InkdigitError(f"{path} does not fit into memory: split it into parts.", code="file-too-large") from error


def read_at_most(stream: IO[bytes], size: int) -> bytes:
    """All bytes of a stream, or the first `size` + 1 if it has more. Takes no more memory than they do.

    `stream.read(size + 1)` would take memory for that many bytes at once.
    """
    content = bytearray()
    while part := stream.read(min(_BLOCK_BYTES, size + 1 - len(content))):
        content += part
    return bytes(content)


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _changed(path: Path) -> InkdigitError:
    return InkdigitError(
        f"{path} changed while it was read: wait until it is complete, then try again.", code="file-changed"
    )


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def check_packing(path: Path, member: zipfile.ZipInfo) -> None:
    """Raise InkdigitError where a member of the zip file `path` is encrypted, or compressed in an unusual way."""
    if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise InkdigitError(f"{path} is encrypted or packed in an unusual way: unpack it first.", code="file-packed")


def cache_dir() -> Path:
    """Return the folder for files that can be fetched or made again: INKDIGIT_CACHE, or the user's cache directory."""
    chosen = os.environ.get("INKDIGIT_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("inkdigit", appauthor=False)


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder; a link there is replaced, not followed.

    All are written before the first takes its place, so that a full disk changes nothing. The one that is named first
    takes its place last.

    Args:
        files: file name -> content.
        folder: where to; it is made if it is missing.

    Raises:
        InkdigitError: a file cannot be written.
    """
    with ExitStack() as stack:
        for name, content in files.items():
            stack.enter_context(atomic(folder / name, follow=False)).write_bytes(content)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, complete or not at all; a link is replaced. Raises InkdigitError where that fails."""
    write_files({path.name: json_document(content)}, path.parent)


def json_document(content: dict[str, Any]) -> bytes:
    """The content of a JSON file."""
    # A name that is not UTF-8 has escapes, which JSON understands.
    return (encodable(json.dumps(content, indent=2, ensure_ascii=False)) + "\n").encode()
