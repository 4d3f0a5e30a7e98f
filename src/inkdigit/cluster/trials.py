"""An engine of trials on Ray: each is a task; an actor beside the search carries reports and decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from inkdigit.cluster.connection import POLL_SECONDS, connected, missing_on_nodes, nodes, processors, share
from inkdigit.errors import InkdigitError
from inkdigit.training import backend
from inkdigit.training.config import Settings
from inkdigit.tune.engine import Engine, EpochReport, Event, TrialData, TrialEnded, WorkerLost
from inkdigit.utils.extras import require_extra

if TYPE_CHECKING:
    from ray import ObjectRef

AttemptId = tuple[int, int]  # a trial's number, and which attempt at it


def ray_engine(jobs: int | None) -> Engine:
    """An engine of `jobs` tasks at a time; None: as many as the cluster has processors when the search begins.

    Raises:
        InkdigitError: `extra-missing` where Ray is not installed.
    """
    require_extra("cluster", "--engine ray")
    return partial(open_runner, jobs=jobs)


@contextmanager
def open_runner(data: TrialData, jobs: int | None) -> Generator[RayRunner]:
    """A runner on the cluster. Raises InkdigitError as `connected` does."""
    with connected():
        yield RayRunner(data, jobs or processors())


class Mailbox:
    """Takes tasks' reports and gives them decisions. It lives on the search's node, so that no lost node takes it."""

    def __init__(self):
        self.reports: asyncio.Queue[tuple[AttemptId, EpochReport]] = asyncio.Queue()
        self.decisions: dict[AttemptId, asyncio.Future[bool]] = {}

    async def report(self, attempt: AttemptId, epoch: EpochReport) -> bool:
        """Pass an epoch's figures on; returns whether to go on, once the search has decided."""
        self.decisions[attempt] = asyncio.get_running_loop().create_future()
        await self.reports.put((attempt, epoch))
        return await self.decisions[attempt]

    async def next(self) -> tuple[AttemptId, EpochReport]:
        """The next report, once there is one."""
        return await self.reports.get()

    async def decide(self, attempt: AttemptId, go_on: bool) -> None:
        """Pass the search's decision on."""
        self.decisions.pop(attempt).set_result(go_on)


def train(attempt: AttemptId, settings: Settings, data: TrialData, cores: int, mailbox: Any) -> TrialEnded:
    """In a task: train a trial."""
    import ray

    backend.share_cores(cores)
    backend.prepare()
    from inkdigit.tune import trial

    def report(epoch: EpochReport) -> bool:
        return bool(ray.get(mailbox.report.remote(attempt, epoch)))

    return trial.train(attempt[0], settings, data, report)


class RayRunner:
    """Trains trials in Ray tasks, as `tune.engine.TrialRunner` says.

    A task asks for its share of the processors that the cluster has when it begins. A task that waits for more than any
    node has, since nodes were lost, is started again.
    """

    def __init__(self, data: TrialData, slots: int):
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.slots = slots
        this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._mailbox: Any = ray.remote(Mailbox).options(num_cpus=0, scheduling_strategy=this_node).remote()
        self._train: Any = ray.remote(train)
        self._data = ray.put(data)
        self._attempts: dict[int, int] = {}
        # Attempts that have not reported yet, with the number of processors that they asked for.
        self._unheard: dict[AttemptId, tuple[Settings, int]] = {}
        self._tasks: dict[ObjectRef[Any], AttemptId] = {}
        self._report: ObjectRef[Any] = self._mailbox.next.remote()

    def start(self, number: int, settings: Settings) -> None:
        """Begin to train a trial, for the first time or again."""
        self._attempts[number] = self._attempts.get(number, 0) + 1
        attempt = (number, self._attempts[number])
        cores, _ = share([{"CPU": cpus} for cpus in _cpus()], self.slots)  # trials take no GPU
        task = self._train.options(num_cpus=cores, max_retries=0)
        self._tasks[task.remote(attempt, settings, self._data, cores, self._mailbox)] = attempt
        self._unheard[attempt] = settings, cores

    def wait(self, seconds: float | None) -> list[Event]:
        """What has happened; an empty list, too, when it is time to look at the cluster again."""
        import ray

        self._restart_stranded()
        # The report comes first: a task that has reported and is gone since is ready, too.
        timeout = POLL_SECONDS if seconds is None else min(seconds, POLL_SECONDS)
        ready, _ = ray.wait([self._report, *self._tasks], timeout=timeout)
        events = [self._next_report() if found == self._report else self._end(found) for found in ready]
        return [event for event in events if event]

    def decide(self, number: int, *, go_on: bool) -> None:
        """Let a trial that has reported an epoch go on, or stop it."""
        self._mailbox.decide.remote((number, self._attempts[number]), go_on)

    def _restart_stranded(self) -> None:
        """Start again what waits for more than any node has: Ray loses a node's tasks before it misses the node."""
        import ray

        most = max(1, *_cpus())
        for task, attempt in list(self._tasks.items()):
            settings, cores = self._unheard.get(attempt, (None, 0))
            if settings and cores > most:
                ray.cancel(task)
                del self._tasks[task]
                self.start(attempt[0], settings)

    def _next_report(self) -> Event | None:
        """A trial's figures; None where they are from an attempt that was given up."""
        import ray

        attempt, epoch = ray.get(self._report)
        self._report = self._mailbox.next.remote()
        self._unheard.pop(attempt, None)
        return epoch if attempt in self._tasks.values() else None

    def _end(self, task: ObjectRef[Any]) -> Event:
        import ray
        from ray.exceptions import RayError, RayTaskError

        number, _ = self._tasks.pop(task)
        try:
            return ray.get(task)
        except RayTaskError as error:  # raised by the trial itself, so it would happen again
            if isinstance(error.cause, InkdigitError):
                raise error.cause from None
            raise missing_on_nodes("inkdigit", "keras") or error from None
        except RayError:
            return WorkerLost(number)


def _cpus() -> list[float]:
    """The processors of each node."""
    return [node.get("CPU", 0) for node in nodes()]
