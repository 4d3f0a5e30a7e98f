"""Trainings on fewer rows, which show what more rows are worth."""

from __future__ import annotations

import dataclasses

from inkdigit.errors import InkdigitError
from inkdigit.report.page import write_report
from inkdigit.runs.run import Run, read_run
from inkdigit.training import pipeline
from inkdigit.training.curve_points import curve_points
from inkdigit.training.job import Job, finished_run, load_data
from inkdigit.utils.progress import print_line

MIN_TRAINING_ROWS = 100
EXTRA_TRAININGS = 5  # beside the one on all rows


def run_learning_curve(job: Job) -> Run:
    """Do the job on fewer rows first, in run folders beside it, then on all; its report shows how accuracy grows."""
    if job.folds or job.settings.members > 1:
        other = "--folds" if job.folds else "members"
        raise InkdigitError(
            f"--learning-curve and {other} exclude each other: give one of them.", code="option-conflict"
        )
    data = load_data(job)
    was_done = finished_run(job, data)
    out = job.out.absolute()
    try:
        for size in training_sizes(len(data.train)):
            print_line(f"On {size:,} rows:")
            settings = dataclasses.replace(job.settings, training_rows=size)
            pipeline.run(dataclasses.replace(job, settings=settings, out=out.with_name(f"{out.name}-{size}-rows")))
        print_line("On all rows:")
        whole = pipeline.run(job)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted. To go on, give the same command again.") from None
    if was_done:  # its report is older than the runs beside it
        write_report(job.out, out.name, curve_points(read_run(job.out), out.name))
    return whole


def training_sizes(rows: int) -> list[int]:
    """The five largest of 100, 200, 500, 1,000, 2,000, … below `rows`, in order."""
    steps = [factor * 10**power for power in range(2, 9) for factor in (1, 2, 5)]
    return [step for step in steps if MIN_TRAINING_ROWS <= step < rows][-EXTRA_TRAININGS:]
