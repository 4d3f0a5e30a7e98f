"""Processes that work for requests, each with a thread that waits for it beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

from inkdigit.service.problems import SHUTTING_DOWN, Problem
from inkdigit.utils.fenced_process import WorkStoppedError


class Process(Protocol):
    """Works in a process of its own."""

    def close(self) -> None:
        """Kill the process."""
        ...


AnyProcess = TypeVar("AnyProcess", bound=Process)
Result = TypeVar("Result")
IsStopped = Callable[[], bool]  # whether nobody waits for the work any more


class ProcessPool(Generic[AnyProcess]):
    """Some processes, each of which works for one request at a time."""

    def __init__(self, processes: Sequence[AnyProcess], name: str) -> None:
        """Start nothing yet.

        Args:
            processes: what works.
            name: of the threads that wait for them.
        """
        self._threads = ThreadPoolExecutor(len(processes), name)
        self._processes = processes
        self._free = SimpleQueue[AnyProcess]()
        for process in processes:
            self._free.put(process)
        self._is_stopped = threading.Event()

    async def run(self, work: Callable[[AnyProcess, IsStopped], Result]) -> Result:
        """Have a process work as soon as one is free. When the caller is cancelled, the process is killed.

        Args:
            work: called in a thread with a process, and with a function to pass on to it.

        Raises:
            Problem: 503 after `stop`.
        """
        cancelled = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work, cancelled)
        except WorkStoppedError:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, SHUTTING_DOWN, reason="draining") from None
        finally:
            cancelled.set()

    def stop(self) -> None:
        """End the work under way, and refuse more."""
        self._is_stopped.set()

    def close(self) -> None:
        """End the processes."""
        self.stop()
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.close()

    def _run(self, work: Callable[[AnyProcess, IsStopped], Result], cancelled: threading.Event) -> Result:
        process = self._free.get()
        try:
            return work(process, lambda: cancelled.is_set() or self._is_stopped.is_set())
        finally:
            self._free.put(process)
