"""One training on a worker of a Ray cluster: it takes an order, and sends what happens as messages."""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from inkdigit.cluster import packing
from inkdigit.cluster.packing import Files
from inkdigit.errors import InkdigitError
from inkdigit.runs.build import CHECKPOINTS, partial_folder
from inkdigit.training import backend, pipeline
from inkdigit.training.job import Job, JobData
from inkdigit.training.progress import Epoch
from inkdigit.utils.progress import Stage, Stopwatch

NETWORK_FILE = "network.py"  # the name of a user's file on a worker


@dataclass(frozen=True)
class Order:
    """What a worker is to do, beside the digits.

    Attributes:
        job: with the paths of this machine.
        files: of the job's network and runs, by attribute of the job, and of its teacher's members, by folder.
        job_file: of a training that has begun.
        checkpoints: of a training that goes on.
        cores: to compute on.
    """

    job: Job
    files: dict[str, Files]
    job_file: Files
    checkpoints: Files
    cores: int


@dataclass(frozen=True)
class Resumed:
    """A training goes on after `done` of its `epochs`."""

    title: str
    done: int
    epochs: int


@dataclass(frozen=True)
class EpochDone:
    """A training has done one of its `epochs`, of `images` images each; `checkpoints` holds it."""

    title: str
    epoch: Epoch
    epochs: int
    images: int
    checkpoints: Files


@dataclass(frozen=True)
class RunDone:
    """The worker has finished its run."""

    run: Files


@dataclass(frozen=True)
class Refused:
    """The training raised an InkdigitError."""

    message: str
    code: str


Message = Stage | Resumed | EpochDone | RunDone | Refused
Send = Callable[[Message], object]


def train(order: Order, digits: list[Any]) -> Iterator[Message]:
    """Train in a temporary folder of the worker; yields what happens, and at the end the run or why there is none."""
    backend.share_cores(order.cores)
    with tempfile.TemporaryDirectory(prefix="inkdigit-") as name:
        job = _unpack(order, Path(name))
        messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        with ThreadPoolExecutor(1) as thread:
            training = thread.submit(_train, job, digits[0], messages.put)
            training.add_done_callback(lambda _: messages.put(None))
            while message := messages.get():
                yield message
        try:
            training.result()
        except InkdigitError as error:
            yield Refused(str(error), error.code)
        else:
            yield RunDone(packing.pack_run(job.out))


def _train(job: Job, digits: Any, send: Send) -> None:
    import ray

    watch = Stopwatch(show=send)
    with watch.stage("data"):
        data: JobData = ray.get(digits)
    pipeline.run_on(job, data, watch, partial(_sent_progress, send, partial_folder(job.out) / CHECKPOINTS))


@contextmanager
def _sent_progress(
    send: Send, checkpoints: Path, watch: Stopwatch, title: str, epochs: int, steps: int, batch_size: int
) -> Generator[SentProgress]:
    yield SentProgress(send, checkpoints, watch, title, epochs, steps * batch_size)


class SentProgress:
    """A training's `Progress` that sends messages, each epoch with the checkpoints that were written since the last.

    Args:
        send: takes the messages.
        checkpoints: the folder that the training keeps its epochs in. While it reports, it writes nothing there.
        watch: gets the seconds of epochs that were done earlier.
        title: of the training.
        epochs: how many it has.
        images: of an epoch.
    """

    def __init__(self, send: Send, checkpoints: Path, watch: Stopwatch, title: str, epochs: int, images: int) -> None:
        self._send, self._checkpoints, self._watch = send, checkpoints, watch
        self._title, self._epochs, self._images = title, epochs, images
        self._sent = read_checkpoints(checkpoints)

    def resume(self, history: list[Epoch]) -> None:
        """Send how many epochs were done earlier."""
        self._watch.earlier = sum(epoch.seconds for epoch in history)
        self._send(Resumed(self._title, len(history), self._epochs))

    def step(self) -> None:
        """Batches are not sent."""

    def epoch(self, epoch: Epoch) -> None:
        """Send an epoch, and its checkpoint."""
        now = read_checkpoints(self._checkpoints)
        changed = {name: content for name, content in now.items() if self._sent.get(name) != content}
        self._sent = now
        self._send(EpochDone(self._title, epoch, self._epochs, self._images, changed))


def _unpack(order: Order, folder: Path) -> Job:
    """The job with all its files in a folder of the worker."""
    for name, files in order.files.items():
        packing.unpack(files, folder / name)
    job = replace(
        order.job,
        out=folder / order.job.out.absolute().name,
        train=None,
        test=None,
        model_file=folder / "model_file" / NETWORK_FILE if order.job.model_file else None,
        start_from=folder / "start_from" if order.job.start_from else None,
        teacher=folder / "teacher" if order.job.teacher else None,
    )
    packing.unpack(order.job_file, partial_folder(job.out))
    packing.unpack(order.checkpoints, partial_folder(job.out) / CHECKPOINTS)
    return job


def read_checkpoints(folder: Path) -> Files:
    """The checkpoints in a folder, without hidden files, which a kill has cut short."""
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}
