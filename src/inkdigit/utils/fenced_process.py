"""Files worked on in a process of its own, which is killed where one takes too much memory or time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable
from math import inf
from typing import Any, Generic, TypeVar

from inkdigit.errors import InkdigitError
from inkdigit.utils.limits import TOO_LITTLE_MEMORY, Limits, is_lack_of_memory, limit_memory, return_memory, too_large
from inkdigit.utils.worker_pool import Ask, Asked, Died, Failed, Finished, WorkerPool

STANDARD_ERROR = 2
POLL_SECONDS = 0.05  # between two looks at whether anybody still waits

Task = TypeVar("Task")
Item = TypeVar("Item")
Work = Callable[[Task], Iterable[Item]]


class WorkStoppedError(Exception):
    """Nobody waits for the work any more."""


class FileFailedError(InkdigitError):
    """A file took too much, or the process ended or failed over it. Other files may be worked on."""


class _Begin:
    """The process has finished its set-up, and begins the task."""


class FencedProcess(Generic[Task, Item]):
    """A process that does tasks, one at a time, for one caller at a time.

    It starts with the first task. A process that is killed, or dies, is replaced with the next one.

    Args:
        limits: what a task may take. On other systems than Linux, only the time is limited.
        set_up: a function of a module. In the process, it returns what does one task and yields its items.
        arguments: what `set_up` is called with; pickled.
    """

    def __init__(self, limits: Limits, set_up: Callable[..., Work[Task, Item]], *arguments: Any) -> None:
        self._limits = limits
        self._pool = WorkerPool[Task, None](1, _set_up, limits.memory, set_up, arguments)

    def close(self) -> None:
        """Kill the process, also while it works."""
        self._pool.close()

    def work(
        self, task: Task, name: Callable[[], str], is_stopped: Callable[[], bool] = lambda: False
    ) -> Generator[Item]:
        """Do a task, and yield its items as soon as they are made.

        Args:
            task: what to work on; pickled.
            name: returns what to call the next item in an error.
            is_stopped: asked again and again; True ends the process.

        Raises:
            WorkStoppedError: `is_stopped` returned True.
            FileFailedError: `read-memory` or `read-timeout` where an item takes too much, `reader-died` or
                `reader-failed` where the process died or failed over it.
            InkdigitError: the work or the set-up raised it; `process-died` where the process died in its set-up.
        """
        self._pool.submit(0, task)
        has_begun, is_done = False, False
        deadline = inf
        try:
            while not is_done:
                if is_stopped():
                    raise WorkStoppedError
                if time.monotonic() > deadline:
                    raise _too_slow(name(), self._limits.seconds)
                for event in self._pool.wait(min(POLL_SECONDS, self._limits.seconds)):
                    deadline = time.monotonic() + self._limits.seconds
                    match event:
                        case Finished():
                            is_done = True
                        case Asked(question=_Begin()):
                            has_begun = True
                            self._pool.reply(0, None)
                        case Asked(question=item):
                            yield item
                            self._pool.reply(0, None)
                            deadline = time.monotonic() + self._limits.seconds
                        case Failed(error=InkdigitError(code=code) as error) if code != TOO_LITTLE_MEMORY:
                            is_done = True
                            raise error
                        case Failed(error=error):  # what the process still holds could make the next task fail too
                            raise _failed(name(), error, self._limits.memory) from error
                        case Died(exit_code=code):
                            raise _died(name(), code, has_begun=has_begun)
        finally:
            if not is_done:
                self.close()


def _too_slow(name: str, seconds: float) -> FileFailedError:
    message = f"{name} takes more than {seconds:g} seconds to read: allow more time, or send fewer pixels."
    return FileFailedError(message, code="read-timeout")


def _failed(name: str, error: Exception, memory: int) -> FileFailedError:
    if isinstance(error, InkdigitError):
        return FileFailedError(str(too_large(name, memory)), code=error.code)
    reason = str(error).rstrip().rpartition("\n")[2]
    return FileFailedError(f"{name} could not be read ({reason}).", code="reader-failed")


def _died(name: str, exit_code: int | None, *, has_begun: bool) -> InkdigitError:
    if has_begun:
        message = f"{name} ended the process that read it (exit code {exit_code}): save it in another way."
        return FileFailedError(message, code="reader-died")
    message = f"A process that reads ended before it could begin (exit code {exit_code}): is there enough memory?"
    return InkdigitError(message, code="process-died")


def _set_up(
    memory: int, set_up: Callable[..., Work[Any, Any]], arguments: tuple[Any, ...]
) -> Callable[[Any, Ask], None]:
    """In the process: prepare, once, then limit the memory."""
    work = set_up(*arguments)
    # The last words of a library that ends the process help nobody, and would stand between the lines of a log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), STANDARD_ERROR)
    limit_memory(memory)

    def do(task: Any, ask: Ask) -> None:
        ask(_Begin())
        try:
            for item in work(task):
                ask(item)
        except Exception as error:
            if is_lack_of_memory(error):
                raise InkdigitError("Too little memory.", code=TOO_LITTLE_MEMORY) from None
            raise
        finally:
            return_memory()

    return do
