"""Several processes that serve on the same sockets, and the supervisor that replaces those that end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from prometheus_client import multiprocess

from inkdigit.errors import InkdigitError
from inkdigit.service import process as serving
from inkdigit.service.log import log_event
from inkdigit.service.metrics import reserve_space
from inkdigit.service.process import OnReady
from inkdigit.service.settings import ServiceSettings
from inkdigit.service.sockets import Sockets

# Seconds before each try to replace a process: it is given up when as many replacements in a row could not start.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
POLL_SECONDS = 1.0  # between two looks at whether a signal has come

Outcome = int | InkdigitError  # the version that a process answers with, or why it cannot start


class RestartPolicy:
    """When to replace a process that ended, and when to give up.

    Attributes:
        has_given_up: whether too many replacements in a row could not start.
    """

    def __init__(self, pauses: Sequence[float] = PAUSES) -> None:
        self._pauses = pauses
        self._failures = 0
        self._last_reason = ""
        self.has_given_up = False

    def started(self) -> None:
        """Note that a process serves."""
        self._failures, self._last_reason = 0, ""

    def ended(self) -> float:
        """Note that a process ended that had served. Returns the seconds to wait before it is replaced."""
        return self._pauses[min(self._failures, len(self._pauses) - 1)]

    def failed(self, reason: str) -> tuple[float, bool]:
        """Note that a replacement could not start.

        Returns:
            The seconds to wait before the next try, and whether the reason is new and should be logged.
        """
        self._failures += 1
        self.has_given_up = self._failures >= len(self._pauses)
        is_new, self._last_reason = reason != self._last_reason, reason
        return self.ended(), is_new


class Workers:
    """Processes on the same sockets: one signal to this process drains them all, and one that ends is replaced."""

    def __init__(
        self, settings: ServiceSettings, sockets: Sockets, on_ready: OnReady, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._settings, self._sockets, self._on_ready = settings, sockets, on_ready
        self._context = multiprocessing.get_context("spawn")
        self._policy = RestartPolicy(pauses)
        self._stopping = False
        self._pipes: dict[BaseProcess, Connection] = {}
        self._starting: set[BaseProcess] = set()
        self._next_start = 0.0  # by time.monotonic()

    @property
    def process_ids(self) -> list[int]:
        """The ids of the processes."""
        return [process.pid for process in self._pipes if process.pid]

    def run(self) -> int:
        """Serve until a signal.

        Returns:
            The exit code: 0 after a signal, 1 if a process ended and could not be replaced.

        Raises:
            InkdigitError: a process cannot start.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        for _ in range(self._settings.workers):
            self._start()
        try:
            versions = [self._first_version(process) for process in list(self._pipes)]
            if not self._stopping:
                self._on_ready(max(versions))
            while self._pipes or not self._stopping:
                self._supervise()
        finally:
            for process in self._pipes:
                process.terminate()
        return 1 if self._policy.has_given_up else 0

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._settings, self._sockets, theirs))
        process.start()
        theirs.close()
        self._pipes[process] = ours
        self._starting.add(process)

    def _first_version(self, process: BaseProcess) -> int:
        """The version that a process answers with. Raises InkdigitError, with its reason, if it cannot start."""
        outcome = self._receive(process)
        if isinstance(outcome, int):
            return outcome
        if self._stopping:
            return 0
        raise outcome

    def _receive(self, process: BaseProcess) -> Outcome:
        """What a starting process reports."""
        try:
            outcome: Outcome = self._pipes[process].recv()
        except EOFError:
            process.join()
            message = f"A process of the server ended while it started (exit code {process.exitcode})."
            return InkdigitError(message, code="worker-failed")
        if isinstance(outcome, int):
            self._starting.discard(process)
            self._policy.started()
        return outcome

    def _supervise(self) -> None:
        """Wait for a process to end or to start, and replace those that ended."""
        waiting = [self._pipes[process] for process in self._starting]
        sentinels = [process.sentinel for process in self._pipes]
        is_short = len(self._pipes) < self._settings.workers and not self._stopping
        until_start = max(self._next_start - time.monotonic(), 0.0) if is_short else POLL_SECONDS
        happened = wait([*waiting, *sentinels], timeout=min(until_start, POLL_SECONDS))
        for process, pipe in list(self._pipes.items()):
            has_ended = process.sentinel in happened
            if process in self._starting and (has_ended or pipe in happened):
                outcome = self._receive(process)
                if not isinstance(outcome, int):
                    self._on_failure(process, str(outcome))
            elif has_ended:
                self._on_end(process)
        if is_short and time.monotonic() >= self._next_start and not self._stopping:
            self._start()

    def _on_failure(self, process: BaseProcess, reason: str) -> None:
        """A replacement could not start: log why, once, and wait longer before the next one."""
        self._forget(process)
        if self._stopping:
            return
        pause, is_new = self._policy.failed(reason)
        self._next_start = time.monotonic() + pause
        if is_new:
            log_event("error", f"A process that ended cannot be replaced: {reason}")
        if self._policy.has_given_up:
            log_event("error", "The server ends, since a process cannot be replaced.")
            self._on_signal()

    def _on_end(self, process: BaseProcess) -> None:
        """A process ended that had served."""
        self._forget(process)
        if not self._stopping:
            pause = self._policy.ended()
            self._next_start = time.monotonic() + pause
            log_event("error", f"Process {process.pid} ended (exit code {process.exitcode}) and is replaced.")

    def _forget(self, process: BaseProcess) -> None:
        self._pipes.pop(process).close()
        self._starting.discard(process)
        process.join()
        multiprocess.mark_process_dead(process.pid)  # pyright: ignore[reportUnknownMemberType]

    def _on_signal(self, *_: object) -> None:
        # A second signal goes to the processes too, where it means: end at once.
        self._stopping = True
        for process in self._pipes:
            if process.is_alive() and process.pid:
                os.kill(process.pid, signal.SIGTERM)


def _work(settings: ServiceSettings, sockets: Sockets, pipe: Connection) -> None:
    """What each process does: serve, and report its version or why it cannot start through the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent passes it on
    parent_gone = threading.Event()

    def wait_for_parent() -> None:
        try:
            pipe.recv()
        except (EOFError, OSError):
            parent_gone.set()

    def on_ready(version: int) -> None:
        pipe.send(version)
        threading.Thread(target=wait_for_parent, daemon=True).start()

    try:
        reserve_space()
        serving.run(settings, sockets, on_ready, parent_gone)
    except InkdigitError as error:
        pipe.send(error)
