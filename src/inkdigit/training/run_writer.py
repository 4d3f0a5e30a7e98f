"""All that a run folder gets after the training: predictions, submission, report, figures, and last the manifest."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from inkdigit.export.tta import SHIFTS
from inkdigit.recognizer import Recognizer
from inkdigit.report import archive
from inkdigit.report.data import Report, Scored, Setting, collect_scored, pick_samples
from inkdigit.report.page import render_report
from inkdigit.runs.predictions import PREDICTIONS_FILE, trained_hashes, write_predictions
from inkdigit.runs.run import KERAS_MODEL, METRICS, ONNX_MODEL, SUBMISSION, Run, file_checksum, write_manifest
from inkdigit.training.config import Settings
from inkdigit.training.curve_points import curve_points
from inkdigit.training.fitter import FitResult, training_seconds
from inkdigit.training.job import Job, JobData, identity, member_folders
from inkdigit.utils import hardware
from inkdigit.utils.files import write_files, write_json
from inkdigit.utils.options import describe_settings
from inkdigit.utils.printable import printable
from inkdigit.utils.progress import Stopwatch

AUGMENTED_SHOWN = 9


def write_run(job: Job, data: JobData, result: FitResult, folder: Path, watch: Stopwatch) -> None:
    """Predict with the exported model, and write everything into the run folder; last the manifest.

    Args:
        job: what was asked for.
        data: its rows.
        result: what the training gave.
        folder: where the run is built; it holds the models already.
        watch: times the stages.
    """
    recognizer = Recognizer((folder / ONNX_MODEL).read_bytes())
    rows = data.validation if data.test is None or data.test.labels is None else data.test
    # A model that was trained on the validation rows cannot be scored on them: the networks before it were.
    earlier = result.validation if rows is data.validation else None
    with watch.stage("evaluation", images=len(rows) if earlier is None else None):
        probabilities = recognizer.predict_proba(rows.images) if earlier is None else earlier
    inherited = np.concatenate([np.empty(0, np.uint64), *map(trained_hashes, job.earlier_runs)])
    trained_on = _trained_hashes(job, data, inherited, by_earlier=earlier is not None)
    write_predictions(folder, *trained_on, rows, probabilities)
    names = [KERAS_MODEL, ONNX_MODEL, PREDICTIONS_FILE]
    if job.folds:
        from inkdigit.training.cross_validation import OUT_OF_FOLD_FILE

        names.append(OUT_OF_FOLD_FILE)
    if data.test is not None:
        with watch.stage("submission"):
            submitted = probabilities if data.test is rows else recognizer.predict_proba(data.test.images)
            kaggle_csv.write_submission(folder / SUBMISSION, submitted.argmax(1))
            names.append(SUBMISSION)
    with watch.stage("report"):
        known = int(np.isin(rows.hashes, inherited).sum())
        scored = collect_scored(
            _scored_name(job, data, rows, known), rows, probabilities, result.calibration, recognizer
        )
        report = _report(job, data, result, scored, folder, watch)
        archive.write(report, folder)
        training_rows = _count_training_rows(job, data, by_earlier=earlier is not None)
        figures = {
            "training_rows": training_rows,
            "training_seconds": training_seconds(watch),
            "scored_sha256": rows.fingerprint,
            "scored_known": known,
        }
        facts = _facts(job, data, scored, report, figures)
        name = printable(job.out.absolute().name)
        files = render_report(report, name, training_rows, curve_points(Run(folder, facts), name))
        write_files(files, folder)
    write_json(folder / METRICS, _metrics(scored, result, watch))
    write_manifest(folder, [*names, archive.ARCHIVE, *files, METRICS], facts)


def _scored_name(job: Job, data: JobData, rows: Dataset, known: int) -> str:
    """What the scored rows are, as it follows "Accuracy on"."""
    kind = "held-out" if rows is not data.validation else "out-of-fold" if job.folds else "validation"
    name = f"{len(rows):,} {kind} rows"
    return f"{name}, {known:,} of which an earlier network was trained on" if known else name


def _count_training_rows(job: Job, data: JobData, *, by_earlier: bool) -> int:
    """How many rows a network that was scored was trained on."""
    if not by_earlier:
        return len(data.rows if job.settings.refit else data.train)
    return len(data.rows) - len(data.rows) // job.folds if job.folds else len(data.train)


def _trained_hashes(
    job: Job, data: JobData, inherited: NDArray[np.uint64], *, by_earlier: bool
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes of the images that the scored networks were trained on, and of those that the model to keep was.

    inherited: those that earlier runs were trained on, whose knowledge the networks have.
    """
    kept = np.concatenate([inherited, (data.rows if job.settings.refit or job.folds else data.train).hashes])
    if not by_earlier:
        return kept, kept
    return inherited if job.folds else np.concatenate([inherited, data.train.hashes]), kept


def _report(job: Job, data: JobData, result: FitResult, scored: Scored, folder: Path, watch: Stopwatch) -> Report:
    from inkdigit.export.model_summary import summarize_layers
    from inkdigit.report.feature_maps import convolutions
    from inkdigit.training.schedule import learning_rate, steps_per_epoch

    settings = job.settings
    networks = job.folds or settings.members
    steps = settings.epochs * steps_per_epoch(len(data.train), settings)
    return Report(
        preset=settings.preset,
        source=data.rows.source,
        settings=[Setting(*row) for row in describe_settings(settings)],
        samples=pick_samples(data.rows),
        augmented=_augmented(data.rows, settings),
        digit=data.rows.images[0],
        layers=summarize_layers(result.model.get_layer("member_1") if networks > 1 else result.model),
        networks=networks,
        views=len(SHIFTS) if settings.tta else 1,
        convolutions=convolutions((folder / ONNX_MODEL).read_bytes(), data.rows.images[0]),
        history=[_without_none(dataclasses.asdict(epoch)) for epoch in result.history],
        learning_rates=np.array([learning_rate(step, steps, settings) for step in range(steps)]),
        training_seconds=training_seconds(watch),
        scored=scored,
        stages=watch.stages,
        memory_peak=hardware.peak_memory() or 0,
        hardware=hardware.describe_hardware(),
        versions=hardware.library_versions(),
    )


def _augmented(rows: Dataset, settings: Settings) -> NDArray[np.uint8]:
    """One image of each digit and what augmentation makes of it, (digits, 1 + AUGMENTED_SHOWN, 28, 28) uint8."""
    from inkdigit.training.augment.geometric import augment

    digits, numbers = np.unique(rows.required_labels, return_index=True)
    first = rows.images[numbers]
    rng = np.random.default_rng(settings.seed)
    versions = [augment(first, digits, settings, rng) for _ in range(AUGMENTED_SHOWN)]
    return np.stack([first, *versions], axis=1)


def _without_none(epoch: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in epoch.items() if value is not None}


def _metrics(scored: Scored, result: FitResult, watch: Stopwatch) -> dict[str, Any]:
    return {
        "scored": scored.name,
        "evaluation": scored.evaluation.to_json(),
        **result.calibration._asdict(),
        "history": [dataclasses.asdict(epoch) for epoch in result.history],
        "training_seconds": training_seconds(watch),
        "stages": [stage._asdict() for stage in watch.stages],
        "memory_peak": hardware.peak_memory(),
    }


def _facts(job: Job, data: JobData, scored: Scored, report: Report, figures: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says beside the checksums."""
    evaluation, members = scored.evaluation, job.settings.members
    averaged = member_folders(job.out, members) if members > 1 else []
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **identity(job, data),
        "test": data.test.source if data.test else None,
        "figures": {
            "scored": scored.name,
            "accuracy": evaluation.accuracy,
            "low": evaluation.low,
            "high": evaluation.high,
            "total": evaluation.total,
            "ece": evaluation.ece,
            **figures,
        },
        **scored.calibration._asdict(),
        "averaged": [file_checksum(folder, ONNX_MODEL) for folder in averaged],
        "parameters": report.parameters,
        "multiply_adds": report.multiply_adds,
        "hardware": report.hardware,
        "versions": dict(report.versions),
    }
