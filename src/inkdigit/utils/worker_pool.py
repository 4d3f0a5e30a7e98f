"""Tasks done in processes of this machine; a process that dies is reported with the task it had, and replaced."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from inkdigit.errors import InkdigitError
from inkdigit.utils.worker_process import obey_parent

Task = TypeVar("Task")
Result = TypeVar("Result")
Ask = Callable[[Any], Any]  # sends a question to the parent, and returns the parent's reply
Work = Callable[[Task, Ask], Result]  # does one task

EXIT_SECONDS = 10.0  # how long a process may take to exit once it has closed its pipe


@dataclass(frozen=True)
class Finished(Generic[Result]):
    """A task is done; `result` is what `Work` returned."""

    task_id: int
    result: Result


@dataclass(frozen=True)
class Asked:
    """A task waits for `WorkerPool.reply`; `question` is what it sent."""

    task_id: int
    question: Any


@dataclass(frozen=True)
class Failed:
    """A task, or the set-up before it, raised.

    Attributes:
        task_id: the task.
        error: the InkdigitError that was raised, or a RuntimeError whose text is the traceback of any other error.
    """

    task_id: int
    error: Exception


@dataclass(frozen=True)
class Died:
    """The process that had a task is gone: killed, out of memory, or crashed.

    Attributes:
        task_id: the task. It is not done; submit it again to have another process try.
        exit_code: of the process; minus the number of the signal that killed it. None where it has not exited.
        ready: whether the process had finished its set-up.
    """

    task_id: int
    exit_code: int | None
    ready: bool


@dataclass(frozen=True)
class _Ready:
    """The process has finished its set-up."""


class _Worker:
    """One process, and the task that it has."""

    def __init__(self, set_up: Callable[..., Work[Any, Any]], arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")  # a forked TensorFlow hangs
        self.pipe, other_end = context.Pipe()
        self.process = context.Process(target=_serve, args=(other_end, set_up, arguments), daemon=True)
        self.process.start()
        other_end.close()  # so that the pipe closes when the process ends
        self.task_id: int | None = None
        self.ready = False

    def send(self, message: Any) -> None:
        with suppress(OSError):  # the process is gone: `WorkerPool.wait` reports it
            self.pipe.send(message)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class WorkerPool(Generic[Task, Result]):
    """At most `size` processes that do tasks, one task at a time each.

    A process starts with the first task that finds none free. It calls `set_up(*arguments)` once, which may be slow,
    such as loading a model, and the function returned by that for each task.

    Args:
        size: how many processes may work at once.
        set_up: a function of a module, so that the new process can import it; it returns what does one task.
        arguments: what `set_up` is called with; pickled for each process.
    """

    def __init__(self, size: int, set_up: Callable[..., Work[Task, Result]], *arguments: Any) -> None:
        self._size, self._set_up, self._arguments = size, set_up, arguments
        self._workers: list[_Worker] = []
        self._waiting: deque[tuple[int, Task]] = deque()

    def submit(self, task_id: int, task: Task) -> None:
        """Have a task done as soon as a process is free. Events name it by `task_id`, unique among tasks under way."""
        self._waiting.append((task_id, task))
        self._assign()

    def reply(self, task_id: int, answer: Any) -> None:
        """Answer the question of a task that waits; nothing happens where its process is gone."""
        for worker in self._workers:
            if worker.task_id == task_id:
                worker.send(answer)

    def wait(self, seconds: float | None = None) -> list[Finished[Result] | Asked | Failed | Died]:
        """What has happened to tasks since the last call, as soon as there is anything.

        Args:
            seconds: how long to wait at most; None: until something happens.

        Returns:
            Events in no order; none where the time is up, or no task is under way.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while busy := {worker.pipe: worker for worker in self._workers if worker.task_id is not None}:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            ready = wait(list(busy), left)
            events = [self._receive(worker) for pipe, worker in busy.items() if pipe in ready]
            self._assign()
            if (found := [event for event in events if event]) or not ready:
                return found
        return []

    def close(self) -> None:
        """Kill all processes, also those at work."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()
        self._waiting.clear()

    def __enter__(self) -> WorkerPool[Task, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _assign(self) -> None:
        """Give tasks that wait to free processes, or to new ones."""
        while self._waiting:
            free = next((worker for worker in self._workers if worker.task_id is None), None)
            if free is None:
                if len(self._workers) == self._size:
                    return
                free = _Worker(self._set_up, self._arguments)
                self._workers.append(free)
            free.task_id, task = self._waiting.popleft()
            free.send((free.task_id, task))

    def _receive(self, worker: _Worker) -> Finished[Result] | Asked | Failed | Died | None:
        """The next message of a process; None for one that concerns no task."""
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if isinstance(message, _Ready):
            worker.ready = True
            return None
        if not isinstance(message, Asked):
            worker.task_id = None
        return message

    def _bury(self, worker: _Worker) -> Died | None:
        """Forget a process that is gone."""
        worker.process.join(EXIT_SECONDS)
        exit_code = worker.process.exitcode
        self._workers.remove(worker)
        worker.kill()
        return None if worker.task_id is None else Died(worker.task_id, exit_code, worker.ready)


def _serve(pipe: Connection[Any, Any], set_up: Callable[..., Work[Any, Any]], arguments: tuple[Any, ...]) -> None:
    """In the process: do tasks until the parent ends it, or ends."""
    obey_parent()
    work: Work[Any, Any] | None = None
    with suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            task_id, task = pipe.recv()

            def ask(question: Any, task_id: int = task_id) -> Any:
                pipe.send(Asked(task_id, question))
                return pipe.recv()

            try:
                if work is None:
                    work = set_up(*arguments)
                    pipe.send(_Ready())
                message = Finished(task_id, work(task, ask))
            except InkdigitError as error:
                message = Failed(task_id, error)
            except Exception:  # noqa: BLE001 -- the parent raises it
                message = Failed(task_id, RuntimeError(traceback.format_exc()))
            pipe.send(message)
