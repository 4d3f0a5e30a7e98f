"""One training in a straight line: data, network, training, export, and what the run folder gets then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.evaluation.calibration import Calibration, calibrate, fit_calibration
from inkdigit.runs.build import CHECKPOINTS, build_folder, has_checkpoints, partial_folder
from inkdigit.runs.run import (
    KERAS_MODEL,
    METRICS,
    ONNX_MODEL,
    Run,
    read_run,
    read_verified,
)
from inkdigit.training import backend
from inkdigit.training.config import Settings, complete_manifest
from inkdigit.training.fitter import REFIT, TRAINING, Fit, FitResult, MakeProgress, fitter
from inkdigit.training.job import Job, JobData, is_done, job_to_json, load_data, member_folders
from inkdigit.training.progress import TrainingProgress
from inkdigit.training.run_writer import write_run
from inkdigit.utils.progress import Stage, Stopwatch

if TYPE_CHECKING:
    import keras


def run(job: Job) -> Run:
    """Do the whole job and return its run. A finished run of the same job in `job.out` is returned as it is."""
    watch = Stopwatch()
    with watch.stage("data"):
        data = load_data(job)
    return run_on(job, data, watch)


def run_on(job: Job, data: JobData, watch: Stopwatch, make_progress: MakeProgress = TrainingProgress) -> Run:
    """Do what `run` does, on data that are loaded already. make_progress: see `fitter`."""
    if is_done(job, data):
        return read_run(job.out)
    try:
        with build_folder(job.out, job_to_json(job, data), complete_manifest) as folder, backend.memory_errors():
            with watch.stage("network"):
                backend.prepare()
                build = build_function(job)
            result = _train(job, build, data, folder, watch, make_progress)
            with watch.stage("export"):
                _export(job, data, result, folder)
            write_run(job, data, result, folder, watch)
    except KeyboardInterrupt:
        if not has_checkpoints(partial_folder(job.out)):
            raise
        raise KeyboardInterrupt(f"Interrupted. To go on: inkdigit train --resume {job.out}") from None
    return read_run(job.out)


def build_function(job: Job) -> Callable[[Settings], keras.Model]:
    """The function that builds the job's network: the user's, ours, or one that gives the network of `start_from`.

    It is tried once, since a network that cannot be exported must fail before the training.
    """
    from inkdigit.export.onnx import to_onnx
    from inkdigit.training import custom_model, model

    build = custom_model.load_build_function(job.model_file) if job.model_file else model.build
    if job.start_from:
        build = custom_model.trained_build_function(job.start_from)
    to_onnx(build(job.settings))
    return build


# ---- training


def _train(
    job: Job,
    build: Callable[[Settings], keras.Model],
    data: JobData,
    folder: Path,
    watch: Stopwatch,
    make_progress: MakeProgress,
) -> FitResult:
    if job.settings.members > 1:
        return _average_members(job, data, watch)
    from inkdigit.training.teacher import teacher_function

    fit = fitter(
        job.settings,
        build,
        watch,
        checkpoints=folder / CHECKPOINTS,
        member=job.member,
        deterministic=job.deterministic,
        teacher=teacher_function(job.teacher) if job.teacher else None,
        events=job.tensorboard / job.out.absolute().name if job.tensorboard else None,
        make_progress=make_progress,
    )
    if job.folds:
        return _train_folds(job, job.folds, fit, data, folder)
    model, history = fit(data.train, data.validation)
    calibration, probabilities = _calibrate(model, data.validation, job.settings, watch)
    if not job.settings.refit:
        return FitResult(model, calibration, history)
    model, _ = fit(data.rows, None, stage=REFIT)
    return FitResult(model, calibration, history, probabilities)


def _train_folds(job: Job, folds: int, fit: Fit, data: JobData, folder: Path) -> FitResult:
    """Train a network for each fold on the others; keep all of them as one."""
    from inkdigit.training.averaging import average_models, mean_curve
    from inkdigit.training.cross_validation import OUT_OF_FOLD_FILE, cross_validate, write_out_of_fold

    crossed = cross_validate(data.rows, folds, job.settings.seed, fit, tta=job.settings.tta)
    calibration = fit_calibration(crossed.probabilities, data.rows.required_labels, job.settings.label_smoothing)
    probabilities = calibrate(crossed.probabilities, calibration)
    write_out_of_fold(folder / OUT_OF_FOLD_FILE, data.rows, crossed.fold, probabilities)
    return FitResult(average_models(crossed.models), calibration, mean_curve(crossed.curves), probabilities)


def _average_members(job: Job, data: JobData, watch: Stopwatch) -> FitResult:
    """Average the members of an ensemble, which were trained before."""
    from inkdigit.training.averaging import average_models, mean_curve
    from inkdigit.training.custom_model import trained_build_function
    from inkdigit.training.progress import Epoch

    folders = member_folders(job.out, job.settings.members)
    metrics = [json.loads(read_verified(folder, METRICS)) for folder in folders]
    seconds = sum(member["training_seconds"] for member in metrics)
    watch.stages.append(Stage(TRAINING, seconds, title="Training"))
    model = average_models([trained_build_function(folder)(job.settings) for folder in folders])
    calibration, _ = _calibrate(model, data.validation, job.settings, watch)
    curves = [[Epoch(**epoch) for epoch in member["history"]] for member in metrics]
    return FitResult(model, calibration, mean_curve(curves))


def _calibrate(
    model: keras.Model, validation: Dataset, settings: Settings, watch: Stopwatch
) -> tuple[Calibration, NDArray[np.float64]]:
    """Fit the calibration on the validation rows; give it and the calibrated probabilities of those rows, (N, 10)."""
    from inkdigit.training.trainer import predict

    with watch.stage("calibration"):
        probabilities = predict(model, validation.images, tta=settings.tta)
        calibration = fit_calibration(probabilities, validation.required_labels, settings.label_smoothing)
        return calibration, calibrate(probabilities, calibration)


def _export(job: Job, data: JobData, result: FitResult, folder: Path) -> None:
    from inkdigit.export.onnx import PARITY_IMAGES, export_onnx

    result.model.save(folder / KERAS_MODEL, include_optimizer=False)
    images = data.rows.images[:PARITY_IMAGES]
    export_onnx(result.model, folder / ONNX_MODEL, images, result.calibration, tta=job.settings.tta)
