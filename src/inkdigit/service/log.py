"""The log: one line of JSON for each event, on standard error."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from contextlib import suppress

import msgspec

LOG_FILE = 2  # standard error

_waiting: list[bytes] = []  # lines of the event loop, until it has handled the events at hand


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
    with suppress(OSError):  # a full disk, or a closed pipe: answers go on, and there is no other place for the line
        os.write(LOG_FILE, lines)


@functools.lru_cache(maxsize=1)
def _timestamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


class LogHandler(logging.Handler):
    """Writes what libraries log as lines of this log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, with the traceback if there is one."""
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
        log_event(record.levelname.lower(), record.getMessage().strip(), **({"trace": trace} if trace else {}))
