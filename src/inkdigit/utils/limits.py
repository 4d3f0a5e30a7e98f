"""What reading a picture may take: memory and time, which the system enforces."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError

TOO_LITTLE_MEMORY = "read-memory"  # the code of an error
READ_MEMORY = 700  # MiB, enough for a photo of 48 megapixels
MIN_READ_MEMORY = 200  # MiB, which a small picture takes: threads reserve much and use little
READ_SECONDS = 60.0
MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What reading may take.

    Attributes:
        memory: MiB for a file, beside what the process has when its models are loaded.
        seconds: for each picture or page.
    """

    memory: int = READ_MEMORY
    seconds: float = READ_SECONDS


def is_lack_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it comes from, is of Python, OpenCV or ONNX Runtime without memory."""
    if error is None:
        return False
    # ONNX Runtime has no class of error for it, so that its words must do.
    onnx_runtime = "bad_alloc" in str(error) or "Failed to allocate memory" in str(error)
    return isinstance(error, MemoryError) or onnx_runtime or _is_opencvs(error) or is_lack_of_memory(error.__cause__)


def _is_opencvs(error: BaseException) -> bool:
    cv2: Any = sys.modules.get("cv2")  # where it was never imported, the error is not its own
    return cv2 is not None and isinstance(error, cv2.error) and getattr(error, "code", 0) == cv2.Error.STS_NO_MEM


def too_large(name: str, memory: int) -> InkdigitError:
    """The error for a picture that takes more than `memory` MiB."""
    message = f"{name} takes more than {memory:,} MiB of memory to read: allow more, or send fewer pixels."
    return InkdigitError(message, code=TOO_LITTLE_MEMORY)


def limit_memory(more: int) -> None:
    """Limit the address space of this process to what it has now and `more` MiB."""
    if sys.platform != "linux":  # others have no such limit, or do not keep it
        return
    import resource

    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = size + more * MIB if hard == resource.RLIM_INFINITY else min(size + more * MIB, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def return_memory() -> None:
    """Give the system back what this process has freed: glibc would keep a large part of a large picture's memory."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # other C libraries have no such function
            ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def limited(limits: Limits, name: str) -> Generator[None]:
    """Limit what this process may take in the block, which reads a picture.

    When the time is up, the system ends the process, in whatever code it is: for processes whose parent replaces them.

    Args:
        limits: the memory on Linux, the time on every system but Windows.
        name: what to call the picture in an error.

    Raises:
        InkdigitError: `read-memory`.
    """
    memory = _memory_limit()
    limit_memory(limits.memory)
    _end_after(limits.seconds)
    try:
        yield
    except Exception as error:
        if is_lack_of_memory(error):
            raise too_large(name, limits.memory) from None
        raise
    finally:
        _end_after(0)
        _set_memory_limit(memory)


def _end_after(seconds: float) -> None:
    """Have the system end this process after some seconds; 0 calls it off."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles the signal that it sends


def _memory_limit() -> int:
    if sys.platform != "linux":
        return 0
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0]


def _set_memory_limit(limit: int) -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
