"""A file or folder on any file system that fsspec knows: this machine's, S3, Google's, …"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import DAMAGE_ERRORS

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


class UnreachableError(InkdigitError):
    """Another machine does not respond, which says nothing about its files."""


@dataclass(frozen=True)
class Location:
    """A path on a file system. It is pickled for other processes.

    Attributes:
        system: fsspec's file system.
        path: as that file system writes it, without `s3://` and the like.
    """

    system: Any
    path: str

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return "file" in (self.system.protocol, *self.system.protocol)

    def join(self, name: str) -> str:
        """The path of what is called `name` in this folder."""
        return f"{self.path.rstrip('/')}/{name}"

    def exists(self) -> bool:
        """Whether there is a file or folder."""
        return bool(self.system.exists(self.path))


def locate(url: str) -> Location:
    """A URL, or a path (a relative one from the current folder) -> its location.

    Raises:
        InkdigitError: `extra-missing` where a package for that protocol is not installed; `url-invalid` where no
            file system takes the URL.
    """
    import fsspec

    protocol = url.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError:
        package = PACKAGES.get(protocol)
        needed = f"pip install {package}" if package else "install the package with fsspec's file system for it"
        raise InkdigitError(f"{url} needs one more package: {needed}.", code="extra-missing") from None
    except Exception as error:  # each protocol's package fails in its own way
        reason = next(iter(str(error).splitlines()), "").strip().rstrip(".") or type(error).__name__
        problem = f"is on no file system that can be reached ({reason})"
        raise InkdigitError(
            f"{url} {problem}: give a path, or a URL such as s3://bucket/folder.", code="url-invalid"
        ) from error
    return Location(system, path)


@contextmanager
def read_errors(name: str, *, is_local: bool) -> Generator[None]:
    """Raise what goes wrong while the block reads the file `name` as an InkdigitError of one sentence.

    On another machine, an error that is neither damage nor a missing file or permission is a failing connection. No
    row should blame its file for that: it ends the job, which can go on later.

    Raises:
        InkdigitError: `file-not-found`, `file-unreadable`, `file-damaged` or `memory-exceeded`.
        UnreachableError: `source-unreachable`, never for a file of this machine.
    """
    import pyarrow as pa

    try:
        yield
    except InkdigitError:
        raise
    except FileNotFoundError:
        raise InkdigitError(f"{name} does not exist: check the name and the folder.", code="file-not-found") from None
    except PermissionError:
        raise InkdigitError(f"{name} may not be read: ask for permission.", code="file-unreadable") from None
    except (pa.ArrowException, *DAMAGE_ERRORS) as error:
        raise _damaged(name, error) from error
    except MemoryError as error:
        raise InkdigitError(f"{name} does not fit into memory: split it into parts.", code="memory-exceeded") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is None and not isinstance(error, TimeoutError | ConnectionError):
            raise _damaged(name, error) from error  # pyarrow raises such for damage
        if not is_local:
            raise UnreachableError(
                f"{name} cannot be reached ({_reason(error)}): give the same command again to go on.",
                code="source-unreachable",
            ) from error
        if not isinstance(error, OSError):
            raise
        raise InkdigitError(f"{name} could not be read ({_reason(error)}).", code="file-unreadable") from error


@contextmanager
def picture_errors(name: str) -> Generator[None]:
    """Raise every exception of the block, which reads the picture `name`, as an InkdigitError, `picture-unreadable`.

    A defect of ours that one picture in a million brings to light must not cost the others' predictions.
    """
    try:
        yield
    except InkdigitError:
        raise
    except Exception as error:
        raise InkdigitError(
            f"{name} could not be read ({type(error).__name__}: {_reason(error)}).", code="picture-unreadable"
        ) from error


def _damaged(name: str, error: Exception) -> InkdigitError:
    return InkdigitError(f"{name} is damaged ({_reason(error)}): download or pack it again.", code="file-damaged")


def _reason(error: Exception) -> str:
    cause = (error.strerror if isinstance(error, OSError) else None) or error
    return " ".join(str(cause).split()).rstrip(".") or type(error).__name__
