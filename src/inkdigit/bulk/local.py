"""Processes on this machine, each with a core of its own. One that ends is replaced, and its part done again."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from inkdigit.bulk.collection import Part
from inkdigit.bulk.worker import Done, Work, Worker
from inkdigit.errors import InkdigitError
from inkdigit.utils.hardware import cpu_cores
from inkdigit.utils.worker_process import obey_parent

_READY = "ready"
_PATIENCE = 10  # seconds for processes to end by themselves


class _Process:
    """A process that does parts, and the part that it has."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.part: Part | None = None
        self.began = False
        self._process = context.Process(target=_serve, args=(other, work), daemon=True)
        self._process.start()
        other.close()

    def give(self, part: Part) -> None:
        """Let it do a part."""
        self.part = part
        with suppress(OSError):  # it has just ended, which whoever waits for its answer hears
            self.connection.send(part)

    def ended(self) -> int | None:
        """Its exit code, where its connection is closed."""
        self._process.join(_PATIENCE)
        return self._process.exitcode

    def end(self) -> None:
        """End it at once: what it has not finished is nowhere to be seen."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def run(work: Work, parts: Iterable[Part], workers: int | None) -> Generator[Done]:
    """Do the parts in any order; tell of each when it is done. workers: processes; None: one for each core.

    Raises InkdigitError where no process can begin, and where one of them says that the job cannot go on.
    """
    waiting = deque(parts)
    count = min(workers or cpu_cores(), len(waiting))
    processes = [_Process(work) for _ in range(count)]
    try:
        while processes:
            for connection in wait([process.connection for process in processes]):
                process = next(one for one in processes if one.connection is connection)
                try:
                    answer: Any = process.connection.recv()
                except (EOFError, OSError):
                    processes.remove(process)
                    processes.append(_replacement(process, work, waiting))
                    continue
                if isinstance(answer, Exception):
                    raise InkdigitError(str(answer))
                process.began, process.part = True, None
                if isinstance(answer, Done):
                    yield answer
                if waiting:
                    process.give(waiting.popleft())
                elif all(other.part is None for other in processes):
                    return
    finally:
        for process in processes:
            process.end()


def _replacement(process: _Process, work: Work, waiting: deque[Part]) -> _Process:
    code = process.ended()
    process.end()
    if not process.began:
        raise InkdigitError(f"A process ended before it could begin (exit code {code}): try fewer --workers.")
    if process.part:
        waiting.appendleft(process.part)
    return _Process(work)


def _serve(connection: Connection, work: Work) -> None:
    """In the process: do parts until there are no more."""
    obey_parent()
    try:
        worker = Worker(work)
        connection.send(_READY)
        while True:
            connection.send(worker.do(connection.recv()))
    except InkdigitError as error:
        connection.send(error)
    except EOFError:
        return
