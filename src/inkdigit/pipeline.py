"""The main job in order: data, network, training, calibration, export, evaluation, submission, report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inkdigit import answers, backend, machine, runs
from inkdigit.calibration import apply_temperature, fit_temperature
from inkdigit.console import Stopwatch, TrainingProgress, out
from inkdigit.data import kaggle, split
from inkdigit.data.digits import Digits
from inkdigit.errors import InkdigitError
from inkdigit.evaluation import evaluate
from inkdigit.report.content import Layer, Report, Scored, Setting, Stage
from inkdigit.report.page import write_report
from inkdigit.settings import Settings, describe

if TYPE_CHECKING:
    import keras

    from inkdigit.training import Epoch

FEWEST_ROWS = 100
PARITY_IMAGES = 1000
AUGMENTED_SHOWN = 9
TRAINING, REFIT = "Training", "Refit on all rows"


@dataclass(frozen=True)
class Job:
    """What to do: `train` and `test` are Kaggle's CSVs (None: MNIST's Kaggle-protocol split); `out` the run folder."""

    settings: Settings
    out: Path
    train: Path | None = None
    test: Path | None = None
    model_file: Path | None = None
    deterministic: bool = False


@dataclass(frozen=True)
class Data:
    """The rows of a job: to learn from, to look at while learning, and to score or submit at the end."""

    rows: Digits
    train: Digits
    validation: Digits
    test: Digits | None


@dataclass(frozen=True)
class Trained:
    """What a training gave. Curve, temperature and validation rows belong to the fit that never saw those rows.

    model: the one to keep, in float32. validation: (N, 10) uncalibrated probabilities of the validation rows.
    """

    model: keras.Model
    temperature: float
    validation: NDArray[np.float32]
    history: list[Epoch]


def run(job: Job) -> runs.Run:
    """Do the whole job and return its run. A finished run of the same job in `job.out` is returned as it is."""
    watch = Stopwatch()
    with watch.stage("Data"):
        data = load(job)
    earlier = _finished(job, data)
    if earlier:
        out.print(f"{job.out} already holds this run: nothing to do.")
        return earlier
    with runs.building(job.out) as folder:
        with watch.stage("Network"):
            backend.prepare()
            backend.seed_everything(job.settings.seed, deterministic=job.deterministic)
            build = model_function(job)
        trained = _train(job.settings, build, data, watch)
        with watch.stage("Export"):
            from inkdigit.export import export

            trained.model.save(folder / "model.keras", include_optimizer=False)
            export(trained.model, folder / "model.onnx", data.rows.images[:PARITY_IMAGES], trained.temperature)
        _finish(job, data, trained, folder, watch)
    return runs.read(job.out)


def load(job: Job) -> Data:
    """The job's rows, read and divided. Validation rows come out of the training rows and nothing else."""
    settings = job.settings
    if job.train is None and job.test is not None:
        raise InkdigitError(
            "--test needs --train: without it the training rows come from MNIST, which holds Kaggle's test images, "
            "so name Kaggle's train.csv too."
        )
    if job.train is None:
        rows, test = split.kaggle_split(seed=settings.seed)
    else:
        rows, test = kaggle.read_csv(job.train, labelled=True), None
    if job.test is not None:
        test = kaggle.read_csv(job.test, labelled=None)
    if len(rows) < FEWEST_ROWS:
        raise InkdigitError(f"{rows.source} has {len(rows)} rows, and training needs at least {FEWEST_ROWS}: add more.")
    order = np.random.default_rng(settings.seed).permutation(len(rows))
    held_out = min(settings.validation_rows, len(rows) // 10)
    return Data(rows, take(rows, order[held_out:]), take(rows, order[:held_out]), test)


def take(digits: Digits, rows: NDArray[np.int64]) -> Digits:
    """Some rows of a set, in the order given."""
    labels = None if digits.labels is None else digits.labels[rows]
    return Digits(digits.images[rows], labels, digits.source)


def model_function(job: Job) -> Callable[[Settings], keras.Model]:
    """The `build` of the user's file, or ours, tried once: what cannot be exported must fail before the training."""
    from inkdigit import export, model, usermodel

    build = usermodel.load(job.model_file) if job.model_file else model.build
    export.to_onnx(build(job.settings))
    return build


def _train(settings: Settings, build: Callable[[Settings], keras.Model], data: Data, watch: Stopwatch) -> Trained:
    from inkdigit import training

    def fit(name: str, train: Digits, validation: Digits | None) -> tuple[keras.Model, list[Epoch]]:
        steps = training.steps_per_epoch(len(train), settings)
        images = settings.epochs * steps * settings.batch_size
        with (
            watch.stage(name, images),
            TrainingProgress(name, settings.epochs, steps, settings.batch_size) as progress,
        ):
            return training.fit(build, train, validation, settings, progress)

    model, history = fit(TRAINING, data.train, data.validation)
    with watch.stage("Calibration"):
        validation = training.predict(model, data.validation.images)
        temperature = fit_temperature(validation, data.validation.truth)
    if settings.refit:
        model, _ = fit(REFIT, data.rows, None)
    return Trained(model, temperature, validation, history)


def _finish(job: Job, data: Data, trained: Trained, folder: Path, watch: Stopwatch) -> None:
    """Everything after the training: predictions by the exported model, figures, submission, report, manifest."""
    from inkdigit.anatomy import layers_of
    from inkdigit.recognizer import Recognizer

    names = ["model.keras", "model.onnx"]
    runs.write_manifest(folder, names, {})
    recognizer = Recognizer.load(folder)
    rows = data.validation if data.test is None or data.test.labels is None else data.test
    with watch.stage("Evaluation", len(rows)):
        probabilities = recognizer.predict_proba(rows.images)
        if rows is data.validation and job.settings.refit:
            # The refitted model has learnt these rows: only the fit before it can be scored on them.
            probabilities = apply_temperature(trained.validation, trained.temperature)
        evaluation = evaluate(probabilities, rows.truth)
    name = f"{len(rows):,} {'validation' if rows is data.validation else 'held-out'} rows"
    scored = Scored(name, rows.images, rows.truth, probabilities, trained.temperature, evaluation)
    refitted = data.validation if job.settings.refit else None
    answers.write(folder / answers.ANSWERS, data.train, refitted, rows, probabilities)
    names.append(answers.ANSWERS)
    if data.test is not None:
        with watch.stage("Submission"):
            submitted = probabilities if data.test is rows else recognizer.predict_proba(data.test.images)
            kaggle.write_submission(folder / "submission.csv", submitted.argmax(1))
            names.append("submission.csv")
    layers = layers_of(trained.model)
    with watch.stage("Report"):
        names += write_report(_report(job, data, trained, scored, layers, watch), folder)
    metrics = _metrics(scored, trained, watch)
    runs.write_json(folder / "metrics.json", metrics)
    about = _about(job, data, scored, layers) | {"training_seconds": metrics["training_seconds"]}
    runs.write_manifest(folder, [*names, "metrics.json"], about)


def _report(job: Job, data: Data, trained: Trained, scored: Scored, layers: list[Layer], watch: Stopwatch) -> Report:
    from inkdigit import training

    settings = job.settings
    steps = settings.epochs * training.steps_per_epoch(len(data.train), settings)
    return Report(
        title=f"Inkdigit: {job.out.name}",
        preset=settings.preset,
        source=data.rows.source,
        settings=[Setting(*row) for row in describe(settings)],
        images=data.rows.images,
        labels=np.asarray(data.rows.truth),
        augmented=_augmented(data.rows, settings),
        layers=layers,
        history=[_known(dataclasses.asdict(epoch)) for epoch in trained.history],
        learning_rates=np.array([training.learning_rate(step, steps, settings) for step in range(steps)]),
        training_seconds=training_seconds(watch.stages),
        scored=scored,
        stages=watch.stages,
        memory_peak=machine.memory_peak() or 0,
        hardware=machine.hardware(),
        versions=machine.versions(),
    )


def training_seconds(stages: Sequence[Stage]) -> float:
    """What the training took, the refit included."""
    return sum(stage.seconds for stage in stages if stage.name in {TRAINING, REFIT})


def _augmented(rows: Digits, settings: Settings) -> NDArray[np.uint8]:
    """One digit of each class and what augmentation makes of it: (classes, 1 + AUGMENTED_SHOWN, 28, 28) uint8."""
    from inkdigit.augment import augment

    first = rows.images[np.unique(rows.truth, return_index=True)[1]]
    rng = np.random.default_rng(settings.seed)
    versions = [augment(first, settings, rng) for _ in range(AUGMENTED_SHOWN)]
    return np.stack([first, *versions], axis=1)


def _known(epoch: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in epoch.items() if value is not None}


def _metrics(scored: Scored, trained: Trained, watch: Stopwatch) -> dict[str, Any]:
    return {
        "scored": scored.name,
        "evaluation": scored.evaluation.to_json(),
        "temperature": trained.temperature,
        "history": [dataclasses.asdict(epoch) for epoch in trained.history],
        "training_seconds": training_seconds(watch.stages),
        "stages": [stage._asdict() for stage in watch.stages],
        "memory_peak": machine.memory_peak(),
    }


def _about(job: Job, data: Data, scored: Scored, layers: list[Layer]) -> dict[str, Any]:
    """What the manifest says beside the checksums."""
    evaluation = scored.evaluation
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **_identity(job, data),
        "test": data.test.source if data.test else None,
        "figures": {
            "scored": scored.name,
            "accuracy": evaluation.accuracy,
            "low": evaluation.low,
            "high": evaluation.high,
            "total": evaluation.total,
            "ece": evaluation.ece,
        },
        "temperature": scored.temperature,
        "parameters": sum(layer.parameters for layer in layers),
        "multiply_adds": sum(layer.multiply_adds for layer in layers),
        "hardware": machine.hardware(),
        "versions": machine.versions(),
    }


def _identity(job: Job, data: Data) -> dict[str, Any]:
    """What makes a job the same job: its settings, data and network."""
    source = job.model_file.read_text(encoding="utf-8", errors="replace") if job.model_file else None
    return json.loads(
        json.dumps(
            {
                "settings": dataclasses.asdict(job.settings),
                "train": {
                    "source": data.rows.source,
                    "rows": len(data.rows),
                    "sha256": data.rows.fingerprint,
                },
                "test_sha256": data.test.fingerprint if data.test else None,
                "model_file": source,
                "deterministic": job.deterministic,
            }
        )
    )


def _finished(job: Job, data: Data) -> runs.Run | None:
    """The run that `job.out` already holds, if it is this very job's. InkdigitError if it holds anything else."""
    if not runs.occupied(job.out):
        return None
    if (job.out / runs.MANIFEST).is_file():
        run = runs.read(job.out)
        if all(run.manifest.get(key) == value for key, value in _identity(job, data).items()):
            return run
        raise InkdigitError(f"{job.out} holds another run: choose another --out, or remove that folder first.")
    raise InkdigitError(f"{job.out} is not empty: choose another --out, so that nothing of yours is overwritten.")
