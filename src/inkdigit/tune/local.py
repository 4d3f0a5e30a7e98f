"""An engine of processes on this machine, which share its cores equally."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

from inkdigit.errors import InkdigitError
from inkdigit.training.config import Settings
from inkdigit.tune.engine import Engine, EpochReport, Event, TrialData, TrialEnded, WorkerLost
from inkdigit.utils.hardware import cpu_cores
from inkdigit.utils.worker_pool import Ask, Asked, Died, Failed, Finished, WorkerPool

Train = Callable[[Settings, Ask], TrialEnded]


def local_engine(jobs: int) -> Engine:
    """An engine of `jobs` processes. Raises InkdigitError, `jobs-exceed-cores`, for more than there are cores."""
    if jobs > cpu_cores():
        raise InkdigitError(
            f"--jobs {jobs} would share {cpu_cores()} cores: give that number or fewer.", code="jobs-exceed-cores"
        )
    return partial(open_runner, jobs=jobs)


@contextmanager
def open_runner(data: TrialData, jobs: int) -> Generator[LocalRunner]:
    """A runner of `jobs` processes; a process starts with its first trial."""
    with WorkerPool[tuple[int, Settings], TrialEnded](jobs, _set_up, data, max(cpu_cores() // jobs, 1)) as pool:
        yield LocalRunner(pool, jobs)


class LocalRunner:
    """Trains trials in a pool of processes, as `tune.engine.TrialRunner` says."""

    def __init__(self, pool: WorkerPool[tuple[int, Settings], TrialEnded], slots: int) -> None:
        self._pool, self.slots = pool, slots

    def start(self, number: int, settings: Settings) -> None:
        """Begin to train a trial."""
        self._pool.submit(number, (number, settings))

    def wait(self, seconds: float | None) -> list[Event]:
        """What has happened. Raises what a process cannot go on after, such as a Keras that does not start."""
        return [_event(happened) for happened in self._pool.wait(seconds)]

    def decide(self, number: int, *, go_on: bool) -> None:
        """Let a trial that has reported an epoch go on, or stop it."""
        self._pool.reply(number, go_on)


def _event(happened: Finished[TrialEnded] | Asked | Failed | Died) -> Event:
    match happened:
        case Finished(result=ended):
            return ended
        case Asked(question=EpochReport() as report):
            return report
        case Failed(error=error):
            raise error
        case Died(task_id=number):
            return WorkerLost(number)
        case _:
            raise TypeError(happened)


def _set_up(data: TrialData, cores: int) -> Callable[[tuple[int, Settings], Ask], TrialEnded]:
    """In the process: import Keras, once."""
    from inkdigit.training import backend

    backend.share_cores(cores)
    backend.prepare()
    from inkdigit.tune.trial import train

    return lambda task, ask: train(*task, data, ask)
