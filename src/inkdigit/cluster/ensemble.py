"""Members of an ensemble, trained at once on Ray. What a worker makes is kept here, epoch by epoch: it may be lost.

No file system is shared: digits and jobs travel through Ray, and so do checkpoints and finished runs on their way back.
They end where an engine on one machine puts them, so that either goes on with what the other has begun.
"""

from __future__ import annotations

import io
import queue
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inkdigit.cluster import connection, parcels
from inkdigit.cluster.parcels import Files
from inkdigit.errors import InkdigitError
from inkdigit.runs.build import CHECKPOINTS, JOB_FILE, build_folder, partial_folder
from inkdigit.runs.predictions import PREDICTIONS_FILE
from inkdigit.runs.run import KERAS_MODEL, ONNX_MODEL, Run
from inkdigit.training import backend, pipeline
from inkdigit.training.config import complete_manifest
from inkdigit.training.ensemble import run_ensemble
from inkdigit.training.job import Job, JobData, is_done, job_to_json, load_data, member_folders
from inkdigit.training.teacher import teacher_runs
from inkdigit.utils.files import atomic
from inkdigit.utils.progress import Stopwatch, console

LEARNT_FROM = {ONNX_MODEL, KERAS_MODEL, PREDICTIONS_FILE}  # what a training reads of another run
NETWORK = "network.py"  # what a user's file is called on a worker
LOSSES = 3  # workers that a member may lose without an epoch between


@dataclass(frozen=True)
class Order:
    """What a worker is to do, beside the digits.

    files: of the job's network and runs, and of the members beside its teacher, by their folders' names. begun,
    checkpoints: of the training, to begin or to go on with. cores: to compute on.
    """

    job: Job
    files: dict[str, Files]
    begun: Files
    checkpoints: Files
    cores: int


@dataclass(frozen=True)
class News:
    """What a worker tells: a line for the person, the checkpoints written since, at the end the run or why not."""

    line: str = ""
    checkpoints: Files = field(default_factory=Files)
    run: Files | None = None
    refusal: str = ""


def run_members(job: Job) -> tuple[Run, Run]:
    """Do what `run_ensemble` does, the trainings on the cluster. Raises InkdigitError."""
    if job.settings.members == 1:
        raise InkdigitError(
            "--engine ray trains the members of an ensemble at once, and these settings ask for one network: "
            "add --members 5 or --preset record, or leave out --engine."
        )
    if job.tensorboard:
        raise InkdigitError("--tensorboard writes while it trains here, and --engine ray trains elsewhere: leave one.")
    with connection.connected():
        return run_ensemble(job, _run_all)


def _run_all(jobs: Mapping[str, Job]) -> None:
    """Do jobs at once, as far as the cluster has room. They have the same digits."""
    import ray

    data = load_data(next(iter(jobs.values())))
    waiting = {name: job for name, job in jobs.items() if not is_done(job, data)}
    if not waiting:
        return
    digits = ray.put(data)
    with ExitStack() as stack:
        under_way: dict[Any, _Member] = {}
        for name, job in waiting.items():
            member = _Member(name, job, data, stack)
            under_way[member.start(digits, len(waiting))] = member
        while under_way:
            for news, member in list(under_way.items()):
                if member.stranded():
                    ray.cancel(news)
                    del under_way[news]
                    under_way[member.start(digits, len(under_way) + 1)] = member
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=connection.LOOK)
            if not ready:
                continue
            (news,) = ready
            member = under_way[news]
            try:
                finished = member.hear(news)
            except _WorkerLostError:
                del under_way[news]
                under_way[member.start(digits, len(under_way) + 1)] = member
            else:
                if finished:
                    del under_way[news]


class _WorkerLostError(Exception):
    """A worker is gone, with its machine or without."""


class _Member:
    """A training on its way, and the folder here that its run will be, held until `stack` ends or the run is there."""

    def __init__(self, name: str, job: Job, data: JobData, stack: ExitStack) -> None:
        self.name, self.job = name, job
        self.losses = 0
        self.asked: tuple[int, int] | None = None  # cores and GPUs that it waits for
        self.held = ExitStack()
        stack.push(self.held)
        self.folder = self.held.enter_context(build_folder(job.out, job_to_json(job, data), complete_manifest))

    def start(self, digits: Any, tasks: int) -> Any:
        """Have a worker begin, or go on from what is here. Gives what its news come from.

        digits: where Ray has the data. tasks: how many are under way, this one included.
        """
        import ray

        self.asked = cores, gpus = connection.share(connection.nodes(), tasks)
        # A process for each training: the number of a backend's threads is fixed once it computes.
        remote: Any = ray.remote(num_cpus=cores, num_gpus=gpus, max_retries=0, max_calls=1)(train)
        # Sums depend on the number of threads: where figures must be the same, it is that of a training here.
        order = self._order(backend.backend_cores() if self.job.deterministic else cores)
        return remote.options(num_returns="streaming").remote(order, [digits])

    def stranded(self) -> bool:
        """Whether it waits for more than any node has: a node's members are lost before the cluster misses it."""
        return bool(self.asked) and not any(
            node.get("CPU", 0) >= self.asked[0] and node.get("GPU", 0) >= self.asked[1] for node in connection.nodes()
        )

    def hear(self, news: Any) -> bool:
        """Take what has come; True when that was the end. Raises InkdigitError, and _WorkerLostError."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            heard: News = ray.get(next(news))  # pyright: ignore[reportAssignmentType]
        except RayTaskError as error:
            if told := connection.lacking(error):
                raise told from None
            raise  # a mistake of ours
        except RayError:
            self._lose()
            raise _WorkerLostError from None
        self.asked = None
        if heard.refusal:
            raise InkdigitError(f"{self.name}: {heard.refusal}")
        for name, content in heard.checkpoints.items():
            self.losses = 0
            with atomic(self.folder / CHECKPOINTS / name) as temporary:
                temporary.write_bytes(content)
        if heard.line:
            console.print(f"{self.name}: {heard.line}", markup=False)
        if heard.run is None:
            return False
        parcels.unpack(heard.run, self.folder)
        parcels.of_run(self.folder)  # verified
        self.held.close()
        return True

    def _lose(self) -> None:
        self.losses += 1
        if self.losses == LOSSES:
            raise InkdigitError(
                f"{self.name} has lost {LOSSES} workers without an epoch between: see whether the cluster's machines "
                "have the memory for it, and give the same command again to go on."
            )
        console.print(f"{self.name}: its worker is lost, and another goes on from the last saved epoch.")

    def _order(self, cores: int) -> Order:
        """What to send, as it stands here now."""
        job = self.job
        named = {"model_file": job.model_file, "start_from": job.start_from, "teacher": job.teacher}
        beside = [folder for folder in teacher_runs(job.teacher) if folder != job.teacher] if job.teacher else []
        places = member_folders(Path("teacher"), len(beside))
        named |= {place.name: folder for place, folder in zip(places, beside, strict=True)}
        files = {name: _packed(path) for name, path in named.items() if path}
        begun = {JOB_FILE: (self.folder / JOB_FILE).read_bytes()}
        kept = {path.name: path.read_bytes() for path in (self.folder / CHECKPOINTS).glob("[!.]*")}
        return Order(job, files, begun, kept, cores)


def _packed(path: Path) -> Files:
    """A file of Python, or what a training reads of a run."""
    return {NETWORK: path.read_bytes()} if path.is_file() else parcels.of_run(path, LEARNT_FROM)


def train(order: Order, digits: list[Any]) -> Iterator[News]:
    """What a worker does: train in a folder of its own, and tell."""
    backend.share_cores(order.cores)
    with tempfile.TemporaryDirectory(prefix="inkdigit-") as name:
        job = _unpacked(order, Path(name))
        news: queue.SimpleQueue[News | None] = queue.SimpleQueue()
        with ThreadPoolExecutor(1) as thread, redirect_stdout(_Output(partial_folder(job.out), news.put)):
            training = thread.submit(_train, job, digits[0])
            training.add_done_callback(lambda _: news.put(None))
            while one := news.get():
                yield one
        try:
            training.result()
        except InkdigitError as error:
            yield News(refusal=str(error))
        else:
            yield News(run=parcels.of_run(job.out))


def _train(job: Job, digits: Any) -> None:
    import ray

    watch = Stopwatch()
    with watch.stage("data"):
        data: JobData = ray.get(digits)
    pipeline.run_on(job, data, watch)


def _unpacked(order: Order, folder: Path) -> Job:
    """The job with all its files in a folder here."""
    for name, files in order.files.items():
        parcels.unpack(files, folder / name)
    job = replace(
        order.job,
        out=folder / order.job.out.absolute().name,
        train=None,
        test=None,
        model_file=folder / "model_file" / NETWORK if order.job.model_file else None,
        start_from=folder / "start_from" if order.job.start_from else None,
        teacher=folder / "teacher" if order.job.teacher else None,
    )
    parcels.unpack(order.begun, partial_folder(job.out))
    parcels.unpack(order.checkpoints, partial_folder(job.out) / CHECKPOINTS)
    return job


class _Output(io.TextIOBase):
    """Standard output of a training that works in `folder`: each line is told, with the checkpoints written before it.

    The training itself looks for them as it prints: nothing is written or moved meanwhile.
    """

    def __init__(self, folder: Path, tell: Callable[[News], object]) -> None:
        self._checkpoints, self._tell = folder / CHECKPOINTS, tell
        self._begun, self._seen = "", self._states()

    def write(self, text: str, /) -> int:
        """Tell the lines that are complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            states = self._states()
            changed = [path for path, state in states.items() if self._seen.get(path) != state]
            self._seen = states
            self._tell(News(line, {path.name: path.read_bytes() for path in changed}))
        return len(text)

    def _states(self) -> dict[Path, int]:
        """The checkpoints there are, each with what changes when it is replaced."""
        return {path: path.stat().st_mtime_ns for path in self._checkpoints.glob("[!.]*")}
