"""Trials in processes of this machine, which share out its cores."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from inkdigit.errors import InkdigitError
from inkdigit.training import backend
from inkdigit.training.config import Settings
from inkdigit.tune.engine import Ended, Event, Lost, Reported, Rows
from inkdigit.utils.hardware import cpu_cores
from inkdigit.utils.worker_process import obey_parent


@dataclass(frozen=True)
class Broken:
    """A worker cannot work at all. why: a sentence, or a traceback where it is a fault of Inkdigit's."""

    why: str
    traceback: bool


@dataclass
class Worker:
    """A process that trains one trial after another, and the trial it is at."""

    process: SpawnProcess
    pipe: Connection[tuple[int, Settings] | bool, Event | Broken]
    number: int | None = None


class Processes:
    """An engine of `jobs` processes with an equal share of the cores each. A process starts with its first trial."""

    def __init__(self, rows: Rows, jobs: int):
        self.rows, self.slots = rows, jobs
        self.cores = max(cpu_cores() // jobs, 1)
        self.workers: list[Worker] = []

    def start(self, number: int, settings: Settings) -> None:
        """Begin a trial in a process that is free, or in a new one."""
        worker = next((worker for worker in self.workers if worker.number is None), None) or self._hire()
        worker.number = number
        with suppress(ConnectionError):  # of a process that is gone, `wait` hears
            worker.pipe.send((number, settings))

    def wait(self, seconds: float | None) -> list[Event]:
        """What has happened since."""
        busy = {worker.pipe: worker for worker in self.workers if worker.number is not None}
        ready = wait(list(busy), seconds)
        return [self._heard(worker) for pipe, worker in busy.items() if pipe in ready]

    def answer(self, number: int, *, go_on: bool) -> None:
        """Tell a trial that has reported to go on, or to stop."""
        for worker in self.workers:
            if worker.number == number:
                with suppress(ConnectionError):
                    worker.pipe.send(go_on)

    def _hire(self) -> Worker:
        context = multiprocessing.get_context("spawn")  # a forked TensorFlow hangs
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, self.rows, self.cores), daemon=True)
        process.start()
        theirs.close()  # so that the pipe ends with the process
        self.workers.append(Worker(process, ours))
        return self.workers[-1]

    def _heard(self, worker: Worker) -> Event:
        """What a worker says. One that is gone is forgotten; another takes its place."""
        assert worker.number is not None  # noqa: S101 -- only those at work are listened to
        try:
            event = worker.pipe.recv()
        except (EOFError, ConnectionError):
            self.workers.remove(worker)
            worker.process.join()
            return Lost(worker.number)
        if isinstance(event, Broken):
            raise RuntimeError(event.why) if event.traceback else InkdigitError(event.why)
        if isinstance(event, Ended):
            worker.number = None
        return event

    def close(self) -> None:
        """End all processes, whatever they are at."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()


@contextmanager
def engine(rows: Rows, jobs: int) -> Generator[Processes]:
    """Trials here, `jobs` at a time; with the block all processes end."""
    made = Processes(rows, jobs)
    try:
        yield made
    finally:
        made.close()


def work(pipe: Connection[Event | Broken, tuple[int, Settings] | bool], rows: Rows, cores: int) -> None:
    """What a process does until its parent ends it, or ends."""
    obey_parent()
    try:
        backend.share_cores(cores)
        backend.prepare()
        from inkdigit.tune import trial

        def report(epoch: Reported) -> bool:
            pipe.send(epoch)
            return bool(pipe.recv())

        while True:
            asked = pipe.recv()
            assert isinstance(asked, tuple)  # noqa: S101 -- answers are taken by `report`
            pipe.send(trial.train(*asked, rows, report))
    except (EOFError, ConnectionError, KeyboardInterrupt):
        return  # the parent is gone, or going
    except InkdigitError as error:
        pipe.send(Broken(str(error), traceback=False))
    except Exception:  # noqa: BLE001 -- the parent raises it
        pipe.send(Broken(traceback.format_exc(), traceback=True))
