"""The log: one structured line an event, on standard error."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
from contextlib import suppress
from typing import Literal

import msgspec

LOG_FILE = 2  # standard error

_waiting: list[bytes] = []  # the event loop's lines, until it is done with the events at hand


def log_event(level: Literal["info", "error"] | str, sentence: str, **more: object) -> None:
    """One structured line in the log. Those of the event loop are written together, at the end of its round."""
    content = {"time": _stamp(int(time.time())), "level": level, "message": sentence, **more}
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
    """Write what waits. To be called by the event loop's thread."""
    lines = b"".join(_waiting)
    _waiting.clear()
    _write(lines)


def _write(lines: bytes) -> None:
    with suppress(OSError):  # a full disk, or nobody reading any more: answers go on, and there is nowhere to tell
        os.write(LOG_FILE, lines)


@functools.lru_cache(maxsize=1)
def _stamp(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


class Lines(logging.Handler):
    """What libraries log, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, with the traceback where there is one."""
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
        log_event(record.levelname.lower(), record.getMessage().strip(), **({"trace": trace} if trace else {}))
