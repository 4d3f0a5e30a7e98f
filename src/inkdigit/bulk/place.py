"""A file or folder on any file system that fsspec knows: this machine's, S3, Google's, …"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.utils.files import DAMAGE

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


class UnreachableError(InkdigitError):
    """Another machine does not answer, which says nothing about its files."""


@dataclass(frozen=True)
class Place:
    """A path on a file system; it travels to other processes."""

    system: Any  # fsspec's
    path: str

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return "file" in (self.system.protocol, *self.system.protocol)

    def below(self, name: str) -> str:
        """The path of what has that name in this folder."""
        return f"{self.path.rstrip('/')}/{name}"


def place(url: str) -> Place:
    """Where a URL or a path leads, relative ones from the folder one is in. Raises InkdigitError for no such system."""
    import fsspec

    protocol = url.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError:
        package = PACKAGES.get(protocol)
        needed = f"pip install {package}" if package else "install the package with fsspec's file system for it"
        raise InkdigitError(f"{url} needs a package more: {needed}.") from None
    except Exception as error:  # each protocol's package fails in its own way
        reason = next(iter(str(error).splitlines()), "").strip().rstrip(".") or type(error).__name__
        problem = f"is on no file system that can be reached ({reason})"
        raise InkdigitError(f"{url} {problem}: give a path, or a URL such as s3://bucket/folder.") from error
    return Place(system, path)


@contextmanager
def told(name: str, *, local: bool) -> Generator[None]:
    """Make one sentence, an InkdigitError, of what goes wrong while the block reads the file `name`.

    On another machine, whatever is neither damage nor a missing file or right is a failing connection, which no answer
    should be made of: that is an UnreachableError, and ends the job, which can go on later.
    """
    import pyarrow as pa

    try:
        yield
    except InkdigitError:
        raise
    except FileNotFoundError:
        raise InkdigitError(f"{name} does not exist: check the name and the folder.") from None
    except PermissionError:
        raise InkdigitError(f"{name} may not be read: ask for the right to.") from None
    except (pa.ArrowException, *DAMAGE) as error:
        raise InkdigitError(f"{name} is damaged ({_reason(error)}): download or pack it again.") from error
    except MemoryError as error:
        raise InkdigitError(f"{name} does not fit into memory: split it into parts.") from error
    except Exception as error:
        reason = _reason(error)
        if isinstance(error, OSError) and error.errno is None and not isinstance(error, TimeoutError | ConnectionError):
            raise InkdigitError(f"{name} is damaged ({reason}): download or pack it again.") from error  # pyarrow's
        if not local:
            raise UnreachableError(f"{name} cannot be reached ({reason}): the same command goes on.") from error
        if not isinstance(error, OSError):
            raise
        raise InkdigitError(f"{name} could not be read ({reason}).") from error


@contextmanager
def guarded(name: str) -> Generator[None]:
    """Make an InkdigitError of whatever goes wrong while the block reads the picture `name`.

    A defect that one picture in a million brings to light must not cost the others' answers.
    """
    try:
        yield
    except InkdigitError:
        raise
    except Exception as error:
        raise InkdigitError(f"{name} could not be read ({type(error).__name__}: {_reason(error)}).") from error


def _reason(error: Exception) -> str:
    said = (error.strerror if isinstance(error, OSError) else None) or error
    return " ".join(str(said).split()).rstrip(".") or type(error).__name__
