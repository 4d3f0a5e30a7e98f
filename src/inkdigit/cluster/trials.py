"""Trials as Ray tasks: what differs from processes of one machine is how a trial is begun and how it is heard."""

from __future__ import annotations

import asyncio
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from inkdigit.cluster.connection import LOOK, lacking, nodes, processors, share
from inkdigit.errors import InkdigitError
from inkdigit.training import backend
from inkdigit.training.config import Settings
from inkdigit.tune.engine import Ended, Event, Lost, Reported, Rows

Key = tuple[int, int]  # a trial's number, and which attempt at it


class Board:
    """Where tasks leave their figures and wait for the answer; an actor beside the search, so that nothing takes it."""

    def __init__(self):
        self.reports: asyncio.Queue[tuple[Key, Reported]] = asyncio.Queue()
        self.answers: dict[Key, asyncio.Future[bool]] = {}

    async def report(self, key: Key, epoch: Reported) -> bool:
        """Hand an epoch's figures on; says whether to go on, once the search has decided."""
        self.answers[key] = asyncio.get_running_loop().create_future()
        await self.reports.put((key, epoch))
        return await self.answers[key]

    async def next(self) -> tuple[Key, Reported]:
        """The next figures, once there are some."""
        return await self.reports.get()

    async def answer(self, key: Key, go_on: bool) -> None:
        """What the search has decided."""
        self.answers.pop(key).set_result(go_on)


def train(key: Key, settings: Settings, rows: Rows, cores: int, board: Any) -> Ended:
    """What a task does."""
    backend.share_cores(cores)
    backend.prepare()
    from inkdigit.tune import trial

    def report(epoch: Reported) -> bool:
        return bool(ray.get(board.report.remote(key, epoch)))

    return trial.train(key[0], settings, rows, report)


def _cpus() -> list[float]:
    """The processors of each node."""
    return [node.get("CPU", 0) for node in nodes()]


class Tasks:
    """An engine of Ray tasks, `jobs` at a time, or as many as the cluster has processors when the search begins.

    A task asks for its share of the processors that there are when it is begun. One that waits for more than any node
    has, since nodes were lost, is begun anew.
    """

    def __init__(self, rows: Rows, jobs: int | None):
        self.slots = jobs or processors()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.board: Any = ray.remote(Board).options(num_cpus=0, scheduling_strategy=here).remote()
        self.task: Any = ray.remote(train)
        self.rows = ray.put(rows)
        self.attempts: dict[int, int] = {}
        self.silent: dict[Key, tuple[Settings, int]] = {}  # what has not reported yet, and for how many processors
        self.tasks: dict[Any, Key] = {}
        self.report = self.board.next.remote()

    def start(self, number: int, settings: Settings) -> None:
        """Begin a trial, or begin it anew."""
        self.attempts[number] = self.attempts.get(number, 0) + 1
        key = (number, self.attempts[number])
        cores, _ = share([{"CPU": cpus} for cpus in _cpus()], self.slots)  # trials take no GPU
        task = self.task.options(num_cpus=cores, max_retries=0)
        self.tasks[task.remote(key, settings, self.rows, cores, self.board)] = key
        self.silent[key] = settings, cores

    def wait(self, seconds: float | None) -> list[Event]:
        """What has happened since; nothing, too, where a look at the cluster is due."""
        self._begin_stranded()
        # The report first: of a task that has reported and is gone since, both are there to be heard.
        ready, _ = ray.wait([self.report, *self.tasks], timeout=LOOK if seconds is None else min(seconds, LOOK))
        heard = [self._reported() if found == self.report else self._ended(found) for found in ready]
        return [event for event in heard if event]

    def _begin_stranded(self) -> None:
        """Begin anew what waits for more than any node has: a node's tasks are lost before the cluster misses it."""
        most = max(1, *_cpus())
        for task, key in list(self.tasks.items()):
            settings, cores = self.silent.get(key, (None, 0))
            if settings and cores > most:
                ray.cancel(task)
                del self.tasks[task]
                self.start(key[0], settings)

    def _reported(self) -> Event | None:
        """Figures from a trial; None where they are from an attempt that was given up."""
        key, epoch = ray.get(self.report)
        self.report = self.board.next.remote()
        self.silent.pop(key, None)
        return epoch if key in self.tasks.values() else None

    def _ended(self, task: Any) -> Event:
        key = self.tasks.pop(task)
        try:
            return ray.get(task)
        except RayTaskError as error:  # of the trial's own, so it would happen again
            if isinstance(error.cause, InkdigitError):
                raise InkdigitError(str(error.cause)) from None
            if told := lacking(error):
                raise told from None
            raise
        except RayError:
            return Lost(key[0])

    def answer(self, number: int, *, go_on: bool) -> None:
        """Tell a trial that has reported to go on, or to stop."""
        self.board.answer.remote((number, self.attempts[number]), go_on)
