"""The main job in order: data, network, training, calibration, export, evaluation, submission, report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inkdigit.data import kaggle_csv, split
from inkdigit.data.dataset import Dataset
from inkdigit.data.loading import read_dataset
from inkdigit.errors import InkdigitError
from inkdigit.evaluation.calibration import Calibration, calibrate, calibration_of, fit_calibration
from inkdigit.report import archive
from inkdigit.report.data import Report, Scored, Setting, Stage, samples_of, scored_by
from inkdigit.report.page import write_report
from inkdigit.runs.learning_curve import training_sizes
from inkdigit.runs.predictions import PREDICTIONS_FILE, trained_hashes, write_predictions
from inkdigit.runs.run import (
    CHECKPOINTS,
    KERAS_MODEL,
    MANIFEST,
    ONNX_MODEL,
    Run,
    add_to_manifest,
    build_folder,
    damaged_job,
    file_checksum,
    has_checkpoints,
    is_occupied,
    partial_folder,
    read_job,
    read_run,
    read_verified,
    remove_build_files,
    write_json,
    write_manifest,
)
from inkdigit.training import backend, tensorboard
from inkdigit.training.config import Settings, check_network, completed, from_manifest, of_run
from inkdigit.utils.hardware import describe_hardware, library_versions, peak_memory
from inkdigit.utils.options import describe_settings
from inkdigit.utils.progress import Stopwatch, TrainingProgress, console

if TYPE_CHECKING:
    import keras

    from inkdigit.recognizer import Recognizer
    from inkdigit.training.cross_validation import FitFunction
    from inkdigit.training.trainer import Epoch, Teacher

FEWEST_ROWS = 100
PARITY_IMAGES = 1000
AUGMENTED_SHOWN = 9
TRAINING, REFIT = "Training", "Refit on all rows"
OUT_OF_FOLD = "out_of_fold.csv"
PATHS = ("train", "test", "model_file", "start_from", "teacher", "tensorboard")  # of a job


@dataclass(frozen=True)
class Job:
    """What to do: `train` and `test` are files of digits (None: MNIST's Kaggle-protocol split); `out` the run folder.

    teacher: a run whose answers are learnt too. member: what is added to the training's seed, not to that of the data.
    tensorboard: where to write the curves for TensorBoard, in a folder for each run and each fit.
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


@dataclass(frozen=True)
class JobData:
    """The rows of a job: to learn from, to look at while learning, and to score or submit at the end."""

    rows: Dataset
    train: Dataset
    validation: Dataset
    test: Dataset | None


@dataclass(frozen=True)
class FitResult:
    """What a training gave. Curve and calibration belong to networks that never saw the validation rows.

    model: the one to keep, in float32. validation: calibrated probabilities (N, 10) of the validation rows by such
    networks, where the model to keep has learnt those rows; else None.
    """

    model: keras.Model
    calibration: Calibration
    history: list[Epoch]
    validation: NDArray[np.float64] | None = None


def run_learning_curve(job: Job) -> Run:
    """Do the job on fewer rows first, in run folders beside it, then on all; its report shows how accuracy grows."""
    if job.folds or job.settings.members > 1:
        other = "--folds" if job.folds else "members"
        raise InkdigitError(f"--learning-curve and {other} exclude each other: give one of them.")
    data = load(job)
    done_before = finished(job, data)
    beside = job.out.absolute()
    try:
        for size in training_sizes(len(data.train)):
            console.print(f"On {size:,} rows:")
            settings = dataclasses.replace(job.settings, training_rows=size)
            run(dataclasses.replace(job, settings=settings, out=beside.with_name(f"{beside.name}-{size}-rows")))
        console.print("On all rows:")
        whole = run(job)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted. To go on, give the same command again.") from None
    if done_before:  # its report is older than the runs beside it
        write_report(job.out, beside.name)
    return whole


def run_in_turn(jobs: Mapping[str, Job]) -> None:
    """Do jobs, given by the name of each, one after the other."""
    for name, job in jobs.items():
        console.print(f"{name}:")
        run(job)


def run_members(job: Job, run_all: Callable[[Mapping[str, Job]], None] = run_in_turn) -> tuple[Run, Run]:
    """Train the members in run folders beside `job.out`, which gets their mean, and teach one network what they know.

    run_all: does jobs that have the same rows, given by the name of each, in whatever order.

    Returns the run of the mean and that of the student, which is beside them too. What is finished is not done again.
    """
    if job.folds or job.settings.refit:
        raise InkdigitError("members excludes --folds and refit: give one of them.")
    alone = dataclasses.replace(job, settings=dataclasses.replace(job.settings, members=1))
    folders = member_folders(job.out, job.settings.members)
    members = {
        f"Member {number + 1} of {len(folders)}": dataclasses.replace(alone, out=folder, member=number)
        for number, folder in enumerate(folders)
    }
    student = job.out.absolute().with_name(f"{job.out.absolute().name}-student")
    _can_be_built([*members.values(), job], student)
    try:
        run_all(members)
        console.print("All members as one:")
        together = run(job)
        taught = dataclasses.replace(alone, out=student, teacher=job.out, member=len(folders))
        run_all({"One network, taught by them": taught})
        return together, read_run(student)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted. To go on, give the same command again.") from None


def _can_be_built(jobs: Sequence[Job], student: Path) -> None:
    """InkdigitError, before hours of training, where a folder to be written to holds something else."""
    data = load(jobs[-1])
    done = [finished(job, data) for job in jobs]
    if not done[-1] and is_occupied(student):
        raise _holds_something_else(student)


def member_folders(out: Path, members: int) -> list[Path]:
    """The run folders of the members of a mean in `out`."""
    beside = out.absolute()
    return [beside.with_name(f"{beside.name}-member-{number + 1}") for number in range(members)]


def run(job: Job) -> Run:
    """Do the whole job and return its run. A finished run of the same job in `job.out` is returned as it is."""
    watch = Stopwatch()
    with watch.stage("Data"):
        data = load(job)
    return run_on(job, data, watch)


def run_on(job: Job, data: JobData, watch: Stopwatch) -> Run:
    """What `run` does, on data that are loaded already."""
    if already_done(job, data):
        return read_run(job.out)
    try:
        with building(job, data) as folder, backend.memory_told():
            _build(job, data, folder, watch)
    except KeyboardInterrupt:
        if not has_checkpoints(partial_folder(job.out)):
            raise
        raise KeyboardInterrupt(f"Interrupted. To go on: inkdigit train --resume {job.out}") from None
    return read_run(job.out)


def already_done(job: Job, data: JobData) -> bool:
    """Whether `job.out` holds this job's finished run, which is told. InkdigitError if it holds anything else."""
    if not finished(job, data):
        return False
    remove_build_files(job.out)
    console.print(f"{job.out} already holds this run: nothing to do.")
    return True


def building(job: Job, data: JobData) -> AbstractContextManager[Path]:
    """`runs.building` for a job."""
    return build_folder(job.out, _to_json(job, data), completed)


def _build(job: Job, data: JobData, folder: Path, watch: Stopwatch) -> None:
    """Train, export, evaluate and report into a folder."""
    with watch.stage("Network"):
        backend.prepare()
        build = model_function(job)
    trained = _train(job, build, data, folder, watch)
    with watch.stage("Export"):
        from inkdigit.export.onnx import export_onnx

        trained.model.save(folder / KERAS_MODEL, include_optimizer=False)
        images = data.rows.images[:PARITY_IMAGES]
        export_onnx(trained.model, folder / "model.onnx", images, trained.calibration, tta=job.settings.tta)
    _finish(job, data, trained, folder, watch)


def _to_json(job: Job, data: JobData) -> dict[str, Any]:
    """What `unfinished` reads back."""
    paths = {name: getattr(job, name) for name in PATHS}
    return {
        "identity": _identity(job, data),
        **{name: str(path.absolute()) if path else None for name, path in paths.items()},
    }


def unfinished(out: Path) -> Job:
    """The job that an interrupted process was doing for `out`. Raises InkdigitError when there is none."""
    (member,) = member_folders(out, 1)
    if (member.exists() or partial_folder(member).exists()) and not partial_folder(out).exists():
        raise InkdigitError(f"{out} is trained member by member: to go on, give the command again that began it.")
    kept = read_job(out)
    identity = kept["identity"]
    try:
        settings = from_manifest(identity["settings"], str(out))
        numbers = {name: identity[name] for name in ("member", "folds", "deterministic")}
        paths = {name: Path(kept[name]) if kept[name] else None for name in PATHS}
        return Job(settings, out, **paths, **numbers)
    except (KeyError, TypeError, AttributeError):
        raise damaged_job(out) from None


def load(job: Job) -> JobData:
    """The job's rows, read and divided. Validation rows come out of the training rows and nothing else."""
    settings = job.settings
    if job.train is None and job.test is not None:
        raise InkdigitError(
            "--test needs --train: without it the training rows come from MNIST, which holds Kaggle's test images, "
            "so name Kaggle's train.csv too."
        )
    if job.start_from and (job.train is None or job.model_file):
        raise InkdigitError("--start-from goes with --train, which names the digits to learn, and without --model.")
    if job.start_from:
        check_network(settings, job.start_from)
    if job.train is None:
        rows, test = split.kaggle_split(seed=settings.seed)
    else:
        rows, test = read_dataset(job.train, labelled=True, part="train"), None
    if job.test is not None:
        test = read_dataset(job.test)
    used, train, validation = divided(rows, settings)
    return JobData(used, used, used, test) if job.folds else JobData(used, train, validation, test)


def divided(rows: Dataset, settings: Settings) -> tuple[Dataset, Dataset, Dataset]:
    """The rows in use, and of these the ones to learn from and the ones held out. Raises InkdigitError for too few."""
    if len(rows) < FEWEST_ROWS:
        raise InkdigitError(f"{rows.source} has {len(rows)} rows, and training needs at least {FEWEST_ROWS}: add more.")
    order = np.random.default_rng(settings.seed).permutation(len(rows))
    # Of few rows a tenth, so that there are enough to fit the temperature on.
    held_out = max(round(settings.validation_share * len(rows)), min(len(rows) // 10, 500))
    if settings.training_rows > len(rows) - held_out:
        raise InkdigitError(
            f"{rows.source} has {len(rows) - held_out:,} rows beside {held_out:,} for validation: "
            f"training_rows = {settings.training_rows} is more than that."
        )
    # The same rows are held out however few are learnt from, so that such trainings can be compared.
    order = order[: held_out + (settings.training_rows or len(rows))]
    return rows.take(np.sort(order)), rows.take(order[held_out:]), rows.take(order[:held_out])


def model_function(job: Job) -> Callable[[Settings], keras.Model]:
    """The `build` of the user's file, or ours, tried once: what cannot be exported must fail before the training.

    With `start_from` it gives that run's network with all it has learnt.
    """
    from inkdigit.export import onnx
    from inkdigit.training import model
    from inkdigit.training.custom_model import load_build_function, trained_build_function

    build = load_build_function(job.model_file) if job.model_file else model.build
    if job.start_from:
        build = trained_build_function(job.start_from)
    onnx.to_onnx(build(job.settings))
    return build


def fitter(job: Job, build: Callable[[Settings], keras.Model], checkpoints: Path, watch: Stopwatch) -> FitFunction:
    """How a job trains a network: timed, with its progress shown, each epoch kept in the folder `checkpoints`."""
    from inkdigit.training import trainer
    from inkdigit.training.trainer import steps_per_epoch

    teacher = _teacher(job.teacher) if job.teacher else None

    def fit(name: str, train: Dataset, validation: Dataset | None, number: int = 0) -> tuple[keras.Model, list[Epoch]]:
        settings = dataclasses.replace(job.settings, seed=(job.settings.seed + job.member + number) % 2**32)
        backend.seed_everything(settings.seed, deterministic=job.deterministic)
        steps = steps_per_epoch(len(train), settings)
        file_name = name.lower().replace(" ", "-")
        checkpoint = checkpoints / f"{file_name}.npz"
        events = job.tensorboard / job.out.absolute().name / file_name if job.tensorboard else None
        with (
            watch.stage(name, settings.epochs * steps * settings.batch_size),
            TrainingProgress(watch, name, settings.epochs, steps, settings.batch_size) as bar,
            tensorboard.recorded(bar, events) as progress,
        ):
            return trainer.fit(build, train, validation, settings, progress, checkpoint, teacher)

    return fit


def one_view(run: Path) -> Recognizer:
    """What reads as a run's network does, each image once, whatever the run's `tta`; calibrated as the run is."""
    from inkdigit.export.onnx import to_onnx
    from inkdigit.recognizer import Recognizer
    from inkdigit.training.custom_model import trained_build_function

    settings = of_run(run)
    if not settings.tta:
        return Recognizer.load(run)
    return Recognizer(to_onnx(trained_build_function(run)(settings), calibration_of(read_run(run).manifest)))


def teachers(run: Path) -> list[Path]:
    """The runs that answer for a teacher: the members of a mean, where they lie beside it, or else itself."""
    averaged = read_run(run).manifest.get("averaged", [])
    folders = member_folders(run, len(averaged))
    there = [file_checksum(folder, ONNX_MODEL) for folder in folders if (folder / MANIFEST).is_file()]
    return folders if averaged and there == averaged else [run]


def _teacher(run: Path) -> Teacher:
    """What a run's network answers. Of a mean of members that lie beside it, each answers a share of the images.

    They stand in for the mean, since a batch's shares are drawn afresh in every epoch, in a fraction of the time; so
    does one view of an image where the run takes the mean of five.
    """
    recognizers = [one_view(folder) for folder in teachers(run)]

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        shares = np.array_split(images, len(recognizers))
        return np.concatenate([r.predict_proba(share) for r, share in zip(recognizers, shares, strict=True)])

    return answer


def _train(
    job: Job, build: Callable[[Settings], keras.Model], data: JobData, folder: Path, watch: Stopwatch
) -> FitResult:
    from inkdigit.training.trainer import predict

    fit = fitter(job, build, folder / CHECKPOINTS, watch)
    if job.folds:
        return _train_folds(job, job.folds, fit, data, folder)
    if job.settings.members > 1:
        return _average_members(job, data, watch)
    model, history = fit(TRAINING, data.train, data.validation)
    with watch.stage("Calibration"):
        validation = predict(model, data.validation.images, tta=job.settings.tta)
        found = fit_calibration(validation, data.validation.truth, job.settings.label_smoothing)
    if not job.settings.refit:
        return FitResult(model, found, history)
    model, _ = fit(REFIT, data.rows, None)
    return FitResult(model, found, history, calibrate(validation, found))


def _train_folds(job: Job, folds: int, fit: FitFunction, data: JobData, folder: Path) -> FitResult:
    """A network for each fold, learning from the others; kept are all of them as one."""
    from inkdigit.training.cross_validation import average_models, cross_validate, mean_curve, write_out_of_fold

    crossed = cross_validate(data.rows, folds, job.settings.seed, fit, tta=job.settings.tta)
    found = fit_calibration(crossed.probabilities, data.rows.truth, job.settings.label_smoothing)
    probabilities = calibrate(crossed.probabilities, found)
    write_out_of_fold(folder / OUT_OF_FOLD, data.rows, crossed.fold, probabilities)
    return FitResult(average_models(crossed.models), found, mean_curve(crossed.curves), probabilities)


def _average_members(job: Job, data: JobData, watch: Stopwatch) -> FitResult:
    """The members, trained before, as one."""
    from inkdigit.training import trainer
    from inkdigit.training.cross_validation import average_models, mean_curve
    from inkdigit.training.custom_model import trained_build_function
    from inkdigit.training.trainer import predict

    folders = member_folders(job.out, job.settings.members)
    metrics = [json.loads(read_verified(folder, "metrics.json")) for folder in folders]
    watch.stages.append(Stage(TRAINING, sum(member["training_seconds"] for member in metrics)))
    model = average_models([trained_build_function(folder)(job.settings) for folder in folders])
    with watch.stage("Calibration"):
        validation = predict(model, data.validation.images, tta=job.settings.tta)
        found = fit_calibration(validation, data.validation.truth, job.settings.label_smoothing)
    curves = [[trainer.Epoch(**epoch) for epoch in member["history"]] for member in metrics]
    return FitResult(model, found, mean_curve(curves))


def _finish(job: Job, data: JobData, trained: FitResult, folder: Path, watch: Stopwatch) -> None:
    """Everything after the training: predictions by the exported model, figures, submission, report, manifest."""
    from inkdigit.recognizer import Recognizer

    names = [KERAS_MODEL, "model.onnx"] + [OUT_OF_FOLD] * bool(job.folds)
    write_manifest(folder, names, {})
    recognizer = Recognizer.load(folder)
    rows = data.validation if data.test is None or data.test.labels is None else data.test
    # A model that has learnt the validation rows cannot be scored on them: its forerunners' answers are.
    fair = trained.validation if rows is data.validation else None
    with watch.stage("Evaluation", len(rows) if fair is None else None):
        probabilities = recognizer.predict_proba(rows.images) if fair is None else fair
    kind = "held-out" if rows is not data.validation else "out-of-fold" if job.folds else "validation"
    name = f"{len(rows):,} {kind} rows"
    learnt = _learnt_images(job, data, by_forerunners=fair is not None)
    write_predictions(folder, *learnt, rows, probabilities)
    names.append(PREDICTIONS_FILE)
    if data.test is not None:
        with watch.stage("Submission"):
            submitted = probabilities if data.test is rows else recognizer.predict_proba(data.test.images)
            kaggle_csv.write_submission(folder / "submission.csv", submitted.argmax(1))
            names.append("submission.csv")
    with watch.stage("Report"):
        scored = scored_by(name, rows, probabilities, trained.calibration, recognizer)
        report = _report(job, data, trained, scored, folder, watch)
        archive.write(report, folder)
        learnt = {
            "training_rows": _learnt(job, data, by_forerunners=fair is not None),
            "training_seconds": training_seconds(watch.stages),
            "scored_sha256": rows.fingerprint,
        }
        write_manifest(folder, [*names, archive.ARCHIVE], _about(job, data, scored, report, learnt))
        write_report(folder, job.out.absolute().name)
    write_json(folder / "metrics.json", _metrics(scored, trained, watch))
    add_to_manifest(folder, ["metrics.json"])


def _learnt(job: Job, data: JobData, *, by_forerunners: bool) -> int:
    """How many rows a network that was scored has learnt from."""
    if not by_forerunners:
        return len(data.rows if job.settings.refit else data.train)
    return len(data.rows) - len(data.rows) // job.folds if job.folds else len(data.train)


def _learnt_images(job: Job, data: JobData, *, by_forerunners: bool) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Hashes of what the networks that answered learnt from, and of what the model to keep has learnt."""
    earlier = np.concatenate(
        [np.empty(0, np.uint64), *(trained_hashes(run) for run in (job.start_from, job.teacher) if run)]
    )
    kept = np.concatenate([earlier, (data.rows if job.settings.refit or job.folds else data.train).hashes])
    if not by_forerunners:
        return kept, kept
    return earlier if job.folds else np.concatenate([earlier, data.train.hashes]), kept


def _report(job: Job, data: JobData, trained: FitResult, scored: Scored, folder: Path, watch: Stopwatch) -> Report:
    from inkdigit.export.model_summary import summarize_layers
    from inkdigit.report.feature_maps import convolutions
    from inkdigit.training.trainer import learning_rate, steps_per_epoch

    settings = job.settings
    networks = job.folds or settings.members
    steps = settings.epochs * steps_per_epoch(len(data.train), settings)
    return Report(
        preset=settings.preset,
        source=data.rows.source,
        settings=[Setting(*row) for row in describe_settings(settings)],
        samples=samples_of(data.rows),
        augmented=_augmented(data.rows, settings),
        digit=data.rows.images[0],
        layers=summarize_layers(trained.model.get_layer("member_1") if networks > 1 else trained.model),
        networks=networks,
        convolutions=convolutions(read_verified(folder, "model.onnx"), data.rows.images[0]),
        history=[_known(dataclasses.asdict(epoch)) for epoch in trained.history],
        learning_rates=np.array([learning_rate(step, steps, settings) for step in range(steps)]),
        training_seconds=training_seconds(watch.stages),
        scored=scored,
        stages=watch.stages,
        memory_peak=peak_memory() or 0,
        hardware=describe_hardware(),
        versions=library_versions(),
    )


def training_seconds(stages: Sequence[Stage]) -> float:
    """What the training took, the refit included."""
    return sum(stage.seconds for stage in stages if stage.name.startswith((TRAINING, REFIT)))


def _augmented(rows: Dataset, settings: Settings) -> NDArray[np.uint8]:
    """One digit of each class and what augmentation makes of it: (classes, 1 + AUGMENTED_SHOWN, 28, 28) uint8."""
    from inkdigit.training.augment.geometric import augment

    digits, numbers = np.unique(rows.truth, return_index=True)
    first = rows.images[numbers]
    rng = np.random.default_rng(settings.seed)
    versions = [augment(first, digits, settings, rng) for _ in range(AUGMENTED_SHOWN)]
    return np.stack([first, *versions], axis=1)


def _known(epoch: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in epoch.items() if value is not None}


def _metrics(scored: Scored, trained: FitResult, watch: Stopwatch) -> dict[str, Any]:
    return {
        "scored": scored.name,
        "evaluation": scored.evaluation.to_json(),
        **trained.calibration._asdict(),
        "history": [dataclasses.asdict(epoch) for epoch in trained.history],
        "training_seconds": training_seconds(watch.stages),
        "stages": [stage._asdict() for stage in watch.stages],
        "memory_peak": peak_memory(),
    }


def _about(job: Job, data: JobData, scored: Scored, report: Report, learnt: dict[str, Any]) -> dict[str, Any]:
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
            **learnt,
        },
        **scored.calibration._asdict(),
        "averaged": _averaged(job),
        "parameters": report.parameters,
        "multiply_adds": report.multiply_adds,
        "hardware": describe_hardware(),
        "versions": library_versions(),
    }


def _averaged(job: Job) -> list[str]:
    """The checksums of the models whose mean this is."""
    members = job.settings.members
    return [file_checksum(folder, ONNX_MODEL) for folder in member_folders(job.out, members)] if members > 1 else []


def _identity(job: Job, data: JobData) -> dict[str, Any]:
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
                "folds": job.folds,
                "start_from": file_checksum(job.start_from, KERAS_MODEL) if job.start_from else None,
                "teacher": file_checksum(job.teacher, ONNX_MODEL) if job.teacher else None,
                "member": job.member,
                "deterministic": job.deterministic,
            }
        )
    )


def finished(job: Job, data: JobData) -> Run | None:
    """The run that `job.out` already holds, if it is this very job's. InkdigitError if it holds anything else."""
    if not is_occupied(job.out):
        return None
    if (job.out / MANIFEST).is_file():
        run = read_run(job.out)
        kept = completed(run.manifest)
        if all(kept.get(key) == value for key, value in _identity(job, data).items()):
            return run
    raise _holds_something_else(job.out)


def _holds_something_else(folder: Path) -> InkdigitError:
    if (folder / MANIFEST).is_file():
        return InkdigitError(f"{folder} holds another run: choose another --out, or remove that folder first.")
    return InkdigitError(f"{folder} is not empty: choose another --out, so that nothing of yours is overwritten.")
