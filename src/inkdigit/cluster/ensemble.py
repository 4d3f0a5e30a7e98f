"""Members of an ensemble, trained at once on Ray. Workers may be lost, so each epoch's checkpoint is kept here.

No file system is shared: digits and jobs travel through Ray, and so do checkpoints and finished runs on their way back.
They end where a training on one machine puts them, so that either engine goes on with what the other has begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkdigit.cluster import connection, packing
from inkdigit.cluster.packing import Files
from inkdigit.cluster.training_worker import (
    NETWORK_FILE,
    EpochDone,
    Message,
    Order,
    Refused,
    Resumed,
    RunDone,
    read_checkpoints,
    train,
)
from inkdigit.errors import InkdigitError
from inkdigit.runs.build import CHECKPOINTS, JOB_FILE, build_folder
from inkdigit.runs.predictions import PREDICTIONS_FILE
from inkdigit.runs.run import KERAS_MODEL, ONNX_MODEL, Run
from inkdigit.training import backend
from inkdigit.training.config import complete_manifest
from inkdigit.training.ensemble import run_ensemble
from inkdigit.training.job import Job, JobData, is_done, job_to_json, load_data, member_folders
from inkdigit.training.progress import epoch_line, resume_line
from inkdigit.training.teacher import teacher_runs
from inkdigit.utils.files import atomic
from inkdigit.utils.progress import Stage, print_line, stage_line

if TYPE_CHECKING:
    pass

TRAINING_INPUTS = {ONNX_MODEL, KERAS_MODEL, PREDICTIONS_FILE}  # what a training reads of another run
MAX_LOSSES = 3  # workers that a member may lose without an epoch between


def run_members(job: Job) -> tuple[Run, Run]:
    """Do what `training.ensemble.run_ensemble` does, with the trainings on the cluster.

    Raises:
        InkdigitError: `option-conflict`, the cluster cannot be used, or as `run_ensemble`.
    """
    if job.settings.members == 1:
        raise InkdigitError(
            "--engine ray trains the members of an ensemble at once, and these settings ask for one network: "
            "add --members 5 or --preset record, or leave out --engine.",
            code="option-conflict",
        )
    if job.tensorboard:
        raise InkdigitError(
            "--tensorboard writes on this machine while it trains, and --engine ray trains elsewhere: leave one out.",
            code="option-conflict",
        )
    with connection.connected():
        return run_ensemble(job, _run_all)


def _run_all(jobs: Mapping[str, Job]) -> None:
    """Do jobs of the same digits, given by the title of each: all at once, as far as the cluster has room."""
    import ray

    data = load_data(next(iter(jobs.values())))
    waiting = {title: job for title, job in jobs.items() if not is_done(job, data)}
    if not waiting:
        return
    digits = ray.put(data)
    with ExitStack() as stack:
        under_way: dict[Any, _Member] = {}

        def start(member: _Member) -> None:
            under_way[member.start(digits, max(len(waiting) - finished, 1))] = member

        finished = 0
        for member in [_Member(title, job, data, stack) for title, job in waiting.items()]:
            start(member)
        while under_way:
            for messages, member in list(under_way.items()):
                if member.is_stranded():
                    ray.cancel(messages)
                    del under_way[messages]
                    start(member)
            ready, _ = ray.wait(list(under_way), num_returns=1, timeout=connection.POLL_SECONDS)
            for messages in ready:
                member = under_way[messages]
                try:
                    done = member.take_next(messages)
                except _WorkerLostError:
                    del under_way[messages]
                    start(member)
                else:
                    if done:
                        finished += 1
                        del under_way[messages]


class _WorkerLostError(Exception):
    """A worker is gone, with its machine or without."""


class _Member:
    """A training on the cluster, and the folder on this machine where its run will be.

    The folder is locked until the run is there, or `stack` closes.
    """

    def __init__(self, title: str, job: Job, data: JobData, stack: ExitStack) -> None:
        self.title, self.job = title, job
        self.losses = 0
        self.asked: tuple[int, int] | None = None  # cores and GPUs that it waits for
        self.building = ExitStack()
        stack.push(self.building)
        self.folder = self.building.enter_context(build_folder(job.out, job_to_json(job, data), complete_manifest))

    def start(self, digits: Any, tasks: int) -> Any:
        """Have a worker begin, or go on from the checkpoints that are here.

        Args:
            digits: where Ray has the data.
            tasks: how many trainings share the cluster.

        Returns:
            Ray's generator of the worker's messages.
        """
        import ray

        self.asked = cores, gpus = connection.share(connection.nodes(), tasks)
        # A process for each training: the number of a backend's threads is fixed once it computes.
        remote: Any = ray.remote(num_cpus=cores, num_gpus=gpus, max_retries=0, max_calls=1)(train)
        # Sums depend on the number of threads: where figures must be the same, it is that of a training here.
        order = self._order(backend.backend_cores() if self.job.deterministic else cores)
        return remote.options(num_returns="streaming").remote(order, [digits])

    def is_stranded(self) -> bool:
        """Whether it waits for more than any node has: Ray loses a node's members before it misses the node."""
        return bool(self.asked) and not any(
            node.get("CPU", 0) >= self.asked[0] and node.get("GPU", 0) >= self.asked[1] for node in connection.nodes()
        )

    def take_next(self, messages: Any) -> bool:
        """Receive a message, print it and keep what it brings; returns whether it was the last one.

        Raises:
            InkdigitError: the training cannot go on.
            _WorkerLostError: the worker is gone, and another is to go on.
        """
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            message: Message = ray.get(next(messages))  # pyright: ignore[reportAssignmentType]
        except RayTaskError as error:
            raise connection.missing_on_nodes("inkdigit", "keras", "onnx") or error from None
        except RayError:
            self._count_loss()
            raise _WorkerLostError from None
        self.asked = None
        match message:
            case Stage():
                self._print(stage_line(message))
            case Resumed(title, done, epochs):
                self._print(resume_line(title, done, epochs))
            case EpochDone(title, epoch, epochs, images, checkpoints):
                self.losses = 0
                for name, content in checkpoints.items():
                    with atomic(self.folder / CHECKPOINTS / name) as temporary:
                        temporary.write_bytes(content)
                self._print(epoch_line(title, epoch, epochs, images))
            case RunDone(run):
                packing.unpack(run, self.folder)
                packing.pack_run(self.folder)  # verifies it
                self.building.close()
                return True
            case Refused(text, code):
                raise InkdigitError(f"{self.title}: {text}", code=code)
        return False

    def _print(self, line: str) -> None:
        print_line(f"{self.title}: {line}")

    def _count_loss(self) -> None:
        self.losses += 1
        if self.losses == MAX_LOSSES:
            raise InkdigitError(
                f"{self.title} has lost {MAX_LOSSES} workers without an epoch between: see whether the cluster's "
                "machines have the memory for it, and give the same command again to go on.",
                code="worker-lost",
            )
        print_line(f"{self.title}: its worker is lost, and another goes on from the last saved epoch.")

    def _order(self, cores: int) -> Order:
        """What to send, as the files are now."""
        job = self.job
        sources = {"model_file": job.model_file, "start_from": job.start_from, "teacher": job.teacher}
        averaged = [folder for folder in teacher_runs(job.teacher) if folder != job.teacher] if job.teacher else []
        names = member_folders(Path("teacher"), len(averaged))
        sources |= {name.name: folder for name, folder in zip(names, averaged, strict=True)}
        files = {name: _pack(path) for name, path in sources.items() if path}
        job_file = {JOB_FILE: (self.folder / JOB_FILE).read_bytes()}
        return Order(job, files, job_file, read_checkpoints(self.folder / CHECKPOINTS), cores)


def _pack(path: Path) -> Files:
    """A user's network, or what a training reads of a run."""
    return {NETWORK_FILE: path.read_bytes()} if path.is_file() else packing.pack_run(path, TRAINING_INPUTS)
