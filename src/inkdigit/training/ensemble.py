"""Several networks that differ in their seeds: trained one by one, averaged, then taught to one network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from inkdigit.errors import InkdigitError
from inkdigit.runs.build import is_occupied
from inkdigit.runs.run import Run, read_run
from inkdigit.training import pipeline
from inkdigit.training.job import Job, finished_run, load_data, member_folders, occupied_folder
from inkdigit.utils.progress import print_line

RunAll = Callable[[Mapping[str, Job]], None]


def run_in_turn(jobs: Mapping[str, Job]) -> None:
    """Do jobs, given by the title of each, one after the other."""
    for title, job in jobs.items():
        print_line(f"{title}:")
        pipeline.run(job)


def run_ensemble(job: Job, run_all: RunAll = run_in_turn) -> tuple[Run, Run]:
    """Train the members into run folders beside `job.out`, average them there, and teach one network from them.

    What is finished is not done again.

    Args:
        job: its settings say how many members there are.
        run_all: does jobs that have the same rows, given by the title of each, in whatever order.

    Returns:
        The run of the average and that of the student, which is beside them too.

    Raises:
        InkdigitError: Options exclude each other, or a folder to be written holds something else.
    """
    if job.folds or job.settings.refit:
        raise InkdigitError("members excludes --folds and refit: give one of them.", code="option-conflict")
    alone = dataclasses.replace(job, settings=dataclasses.replace(job.settings, members=1))
    folders = member_folders(job.out, job.settings.members)
    members = {
        f"Member {number + 1} of {len(folders)}": dataclasses.replace(alone, out=folder, member=number)
        for number, folder in enumerate(folders)
    }
    out = job.out.absolute()
    student = out.with_name(f"{out.name}-student")
    _check_folders([*members.values(), job], student)
    try:
        run_all(members)
        print_line("All members as one:")
        average = pipeline.run(job)
        taught = dataclasses.replace(alone, out=student, teacher=job.out, member=len(folders))
        run_all({"One network, taught by them": taught})
        return average, read_run(student)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted. To go on, give the same command again.") from None


def _check_folders(jobs: Sequence[Job], student: Path) -> None:
    """InkdigitError, before hours of training, where a folder to be written holds something else."""
    data = load_data(jobs[-1])
    done = [finished_run(job, data) for job in jobs]
    if not done[-1] and is_occupied(student):
        raise occupied_folder(student)
