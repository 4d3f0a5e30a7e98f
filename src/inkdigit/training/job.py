"""A training as asked for: its settings, its files, its rows, and whether its run is there already."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data import split
from inkdigit.data.dataset import Dataset
from inkdigit.data.loading import read_dataset
from inkdigit.errors import InkdigitError
from inkdigit.runs.build import damaged_job, is_occupied, partial_folder, read_job, remove_leftovers
from inkdigit.runs.predictions import trained_hashes
from inkdigit.runs.run import KERAS_MODEL, MANIFEST, ONNX_MODEL, Run, file_checksum, read_run
from inkdigit.training.config import Settings, complete_manifest, from_manifest
from inkdigit.training.finetune import check_network
from inkdigit.utils.progress import print_line

MIN_ROWS = 100
# Of a job: its files, and of what types its other options are.
PATHS = ("train", "test", "model_file", "start_from", "teacher", "tensorboard")
OPTIONS = {"member": int, "folds": int | None, "deterministic": bool}


@dataclass(frozen=True)
class Job:
    """What to do.

    Attributes:
        settings: of the training.
        out: the run folder.
        train, test: files of digits; None for `train` means MNIST's Kaggle-protocol split.
        model_file: a Python file with `build(settings)`.
        start_from: a run whose network is trained further.
        teacher: a run whose probabilities are learned beside the labels.
        member: added to the training's seed, not to that of the data.
        folds: the number of folds of a cross-validation.
        deterministic: whether the same seed gives exactly the same figures.
        tensorboard: a folder for TensorBoard's files, with a subfolder for each run and each fit.
    """

    settings: Settings
    out: Path
    train: Path | None = None
    test: Path | None = None
    model_file: Path | None = None
    start_from: Path | None = None
    teacher: Path | None = None
    member: int = 0
    folds: int | None = None
    deterministic: bool = False
    tensorboard: Path | None = None

    @property
    def earlier_runs(self) -> list[Path]:
        """The runs whose knowledge the new network gets."""
        return [run for run in (self.start_from, self.teacher) if run]


@dataclass(frozen=True)
class JobData:
    """The rows of a job.

    Attributes:
        rows: all labelled rows in use.
        train: of these, the ones to train on.
        validation: of these, the ones held out for the curve and the calibration.
        test: the rows to score or to submit at the end, if any.
    """

    rows: Dataset
    train: Dataset
    validation: Dataset
    test: Dataset | None


def load_data(job: Job) -> JobData:
    """Read and divide a job's rows. Validation rows come out of the training rows and nothing else."""
    _check_options(job)
    if job.train is None:
        rows, test = split.kaggle_split(seed=job.settings.seed)
    else:
        rows, test = read_dataset(job.train, labelled=True, part="train"), None
    if job.test is not None:
        test = read_dataset(job.test)
    if job.folds:
        used, _, _ = divide_rows(rows, job.settings)
        return JobData(used, used, used, test)
    return JobData(*divide_rows(rows, job.settings, _known_rows(job, rows)), test)


def _check_options(job: Job) -> None:
    if job.train is None and job.test is not None:
        raise InkdigitError(
            "--test needs --train: without it the training rows come from MNIST, which holds Kaggle's test images, "
            "so name Kaggle's train.csv too.",
            code="option-missing",
        )
    if job.start_from and (job.train is None or job.model_file):
        raise InkdigitError(
            "--start-from goes with --train, which names the digits to learn, and without --model.",
            code="option-conflict",
        )
    if job.start_from:
        check_network(job.settings, job.start_from)


def _known_rows(job: Job, rows: Dataset) -> NDArray[np.bool_] | None:
    """Which rows an earlier run was trained on, whose knowledge the new network gets, (N,)."""
    known = [np.isin(rows.hashes, trained_hashes(run)) for run in job.earlier_runs]
    return np.any(known, axis=0) if known else None


def divide_rows(
    rows: Dataset, settings: Settings, known: NDArray[np.bool_] | None = None
) -> tuple[Dataset, Dataset, Dataset]:
    """Draw the rows to train on and the rows to hold out.

    Args:
        rows: N labelled rows.
        settings: their seed, `validation_share` and `training_rows` decide.
        known: (N,), the rows that an earlier network was trained on. They are held out last, since neither the curve
            nor the calibration would be honest on them.

    Returns:
        The rows in use, and of these the ones to train on and the ones held out.

    Raises:
        InkdigitError: There are too few rows.
    """
    if len(rows) < MIN_ROWS:
        raise InkdigitError(
            f"{rows.source} has {len(rows)} rows, and training needs at least {MIN_ROWS}: add more.",
            code="rows-too-few",
        )
    order = np.random.default_rng(settings.seed).permutation(len(rows))
    # Of few rows a tenth, so that there are enough to fit the temperature on.
    held_out = max(round(settings.validation_share * len(rows)), min(len(rows) // 10, 500))
    if settings.training_rows > len(rows) - held_out:
        raise InkdigitError(
            f"{rows.source} has {len(rows) - held_out:,} rows beside {held_out:,} for validation: "
            f"training_rows = {settings.training_rows} is more than that.",
            code="rows-too-few",
        )
    if known is not None:
        order = order[np.argsort(known[order], kind="stable")]
    # The same rows are held out however few are trained on, so that such trainings can be compared.
    order = order[: held_out + (settings.training_rows or len(rows))]
    return rows.take(np.sort(order)), rows.take(order[held_out:]), rows.take(order[:held_out])


def member_folders(out: Path, members: int) -> list[Path]:
    """The run folders of the members whose average is in `out`."""
    beside = out.absolute()
    return [beside.with_name(f"{beside.name}-member-{number + 1}") for number in range(members)]


# ---- a job as JSON, and the run that it becomes


def identity(job: Job, data: JobData) -> dict[str, Any]:
    """What makes a job the same job, in types that JSON has: its settings, data and network."""
    source = job.model_file.read_text(encoding="utf-8", errors="replace") if job.model_file else None
    return {
        "settings": json.loads(json.dumps(dataclasses.asdict(job.settings))),
        "train": {"source": data.rows.source, "rows": len(data.rows), "sha256": data.rows.fingerprint},
        "test_sha256": data.test.fingerprint if data.test else None,
        "model_file": source,
        "folds": job.folds,
        "start_from": file_checksum(job.start_from, KERAS_MODEL) if job.start_from else None,
        "teacher": file_checksum(job.teacher, ONNX_MODEL) if job.teacher else None,
        "member": job.member,
        "deterministic": job.deterministic,
    }


def job_to_json(job: Job, data: JobData) -> dict[str, Any]:
    """What `unfinished_job` reads back."""
    paths = {name: getattr(job, name) for name in PATHS}
    return {
        "identity": identity(job, data),
        **{name: str(path.absolute()) if path else None for name, path in paths.items()},
    }


def unfinished_job(out: Path) -> Job:
    """Read the job that an interrupted process was doing for `out`. Raises InkdigitError when there is none."""
    (member,) = member_folders(out, 1)
    if (member.exists() or partial_folder(member).exists()) and not partial_folder(out).exists():
        raise InkdigitError(
            f"{out} is trained member by member: to go on, give the command again that began it.",
            code="run-has-members",
        )
    stored = read_job(out)
    settings = from_manifest(stored["identity"]["settings"], str(out))
    try:
        options = {name: complete_manifest(stored["identity"])[name] for name in OPTIONS}
        paths = {name: Path(stored[name]) if stored[name] else None for name in PATHS}
    except (KeyError, TypeError):
        raise damaged_job(out) from None
    if not all(isinstance(options[name], kind) for name, kind in OPTIONS.items()):
        raise damaged_job(out)
    return Job(settings, out, **paths, **options)


def finished_run(job: Job, data: JobData) -> Run | None:
    """The run that `job.out` already holds, if it is this very job's. InkdigitError if it holds anything else."""
    if not is_occupied(job.out):
        return None
    if (job.out / MANIFEST).is_file():
        run = read_run(job.out)
        stored = complete_manifest(run.manifest)
        if all(stored.get(key) == value for key, value in identity(job, data).items()):
            return run
    raise occupied_folder(job.out)


def is_done(job: Job, data: JobData) -> bool:
    """Whether `job.out` holds this job's finished run; says so. InkdigitError if it holds anything else."""
    if not finished_run(job, data):
        return False
    remove_leftovers(job.out)
    print_line(f"{job.out} already holds this run: nothing to do.")
    return True


def occupied_folder(folder: Path) -> InkdigitError:
    """The error where a run folder holds something else."""
    code = "run-folder-occupied"
    if (folder / MANIFEST).is_file():
        return InkdigitError(
            f"{folder} holds another run: choose another --out, or remove that folder first.", code=code
        )
    return InkdigitError(
        f"{folder} is not empty: choose another --out, so that nothing of yours is overwritten.", code=code
    )
