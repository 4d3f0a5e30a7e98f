"""The log: one line of JSON for each event, on standard error."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import stat
import sys
import threading
import time
from contextlib import suppress

import msgspec

STANDARD_ERROR = 2
MAX_UNWRITTEN = 1 << 20  # bytes that wait for a full pipe or disk; further lines are lost

_waiting: list[bytes] = []  # lines of the event loop, until it has handled the events at hand
_unwritten = bytearray()
_lock = threading.Lock()


def log_event(level: str, message: str, **more: object) -> None:
    """Write one line of JSON.

    Lines of the event loop are written together at the end of its round: one system call for all of them.

    Args:
        level: info, warning or error.
        message: what happened.
        more: further fields of the line.
    """
    content = {"time": _timestamp(int(time.time())), "level": level, "message": message, **more}
    line = msgspec.json.encode(content) + b"\n"
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # another thread, or the loop does not run
        _write(line)
        return
    if not _waiting:
        loop.call_soon(flush)
    _waiting.append(line)


def flush() -> None:
    """Write the lines that wait. Call it in the event loop's thread."""
    lines = b"".join(_waiting)
    _waiting.clear()
    _write(lines)


def _write(lines: bytes) -> None:
    """Write lines, after those that could not be written yet; what cannot be written now waits."""
    with _lock:
        if len(_unwritten) < MAX_UNWRITTEN:
            _unwritten.extend(lines)
        with suppress(OSError):  # a full disk or pipe, or a closed one: answers go on
            status = os.fstat(STANDARD_ERROR)
            file = _pipe(status.st_dev, status.st_ino) if stat.S_ISFIFO(status.st_mode) else STANDARD_ERROR
            while _unwritten:
                del _unwritten[: os.write(file, _unwritten)]


@functools.lru_cache(maxsize=1)
def _pipe(_device: int, _inode: int) -> int:
    """Standard error, a pipe, opened again so that writing never waits for its reader.

    The flag for that would hold for other programs too, if the first opening got it.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            return os.open(f"/proc/self/fd/{STANDARD_ERROR}", os.O_WRONLY | os.O_NONBLOCK)
    return STANDARD_ERROR


@functools.lru_cache(maxsize=1)
def _timestamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


class LogHandler(logging.Handler):
    """Writes what libraries log as lines of this log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, with the traceback if there is one."""
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
        log_event(record.levelname.lower(), record.getMessage().strip(), **({"trace": trace} if trace else {}))
