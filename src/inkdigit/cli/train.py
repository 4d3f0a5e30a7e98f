"""`inkdigit train`: digits -> a run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inkdigit.cli.group import print_lines
from inkdigit.cli.options import FILE, Engine, engine_option, given_options, setting_options
from inkdigit.errors import InkdigitError
from inkdigit.training.config import PRESETS, Settings, from_file, preset, to_toml, with_values
from inkdigit.utils.extras import require_extra

if TYPE_CHECKING:
    from inkdigit.runs.run import Run
    from inkdigit.training.job import Job


@click.command()
@click.option("--train", "train_csv", type=FILE, help="Labelled digits.  [default: MNIST's Kaggle-protocol split]")
@click.option("--test", "test_csv", type=FILE, help="Digits to classify: submission.csv is written for them.")
@click.option("--preset", "preset_name", type=click.Choice(PRESETS), help="Start from its settings.  [default: fast]")
@click.option("--config", type=FILE, help="A TOML file of settings, on top of the preset's; options go on top of both.")
@click.option("--print-config", is_flag=True, help="Print all settings as such a file, and stop.")
@click.option("--model", "model_file", type=FILE, help="A Python file with build(settings) -> keras.Model.")
@click.option("--out", type=FILE, help="The run folder.  [default: runs/PRESET-seedN]")
@click.option("--start-from", type=FILE, metavar="RUN", help="Continue with that run's network, on other digits.")
@click.option("--teacher", type=FILE, metavar="RUN", help="Learn from that run's probabilities, too.")
@click.option("--folds", type=click.IntRange(2, 50), help="Train this many networks, each without one fold; average.")
@click.option("--learning-curve", is_flag=True, help="Train on fewer rows too; the report shows how accuracy grows.")
@click.option("--resume", type=FILE, metavar="DIR", help="Continue the unfinished training of that run folder.")
@click.option("--tensorboard", type=FILE, metavar="DIR", help="Write the curves there as well, for TensorBoard.")
@click.option("--deterministic", is_flag=True, help="The same seed gives exactly the same figures; a little slower.")
@engine_option("Where members train.")
@setting_options(preset("fast"), "fast", fixed=("preset",))
def train(
    train_csv: Path | None,
    test_csv: Path | None,
    preset_name: str | None,
    config: Path | None,
    print_config: bool,
    model_file: Path | None,
    out: Path | None,
    start_from: Path | None,
    teacher: Path | None,
    folds: int | None,
    learning_curve: bool,
    resume: Path | None,
    tensorboard: Path | None,
    deterministic: bool,
    engine: Engine,
    **values: Any,
) -> None:
    """Train a network; write its run folder with model, figures, report and submission.

    Digits are read from CSV as Kaggle's, IDX as MNIST's, .npz, Parquet, or a folder of pictures.
    Every setting of the training is an option; --print-config shows them all with their values.
    """
    if resume:
        _check_no_other_option(resume)
    settings = _settings(config, preset_name, start_from, values)
    if print_config:
        click.echo(to_toml(settings), nl=False)
        return
    require_extra("train", "Training")
    from inkdigit.runs.run import run_summary
    from inkdigit.training.job import Job, unfinished_job

    if resume:
        job = unfinished_job(resume)
    else:
        job = Job(
            settings,
            out or Path("runs") / f"{settings.preset}-seed{settings.seed}",
            train=train_csv,
            test=test_csv,
            model_file=model_file,
            start_from=start_from,
            teacher=teacher,
            folds=folds,
            deterministic=deterministic,
            tensorboard=tensorboard,
        )
    run_job = _choose_training(engine, learning_curve, job.settings.members)
    print_lines(*"\n\n".join(map(run_summary, run_job(job))).split("\n"))


def _check_no_other_option(resume: Path) -> None:
    for flag in given_options().values():
        if flag != "--resume":
            raise InkdigitError(
                f"--resume continues {resume} with the settings and files it began with: leave out {flag}.",
                code="option-conflict",
            )


def _settings(
    config: Path | None, preset_name: str | None, start_from: Path | None, values: dict[str, Any]
) -> Settings:
    """The settings of a file, of the run to continue from, or of a preset, with the given options on top."""
    if config:
        settings = from_file(config, preset_name)
    elif start_from and not preset_name:
        from inkdigit.training.finetune import fine_tuning

        settings = fine_tuning(start_from)
    else:
        settings = preset(preset_name or "fast")
    given = {setting: value for setting, value in values.items() if value is not None}
    return with_values(settings, given, "On the command line")


def _choose_training(engine: Engine, learning_curve: bool, members: int) -> Callable[[Job], Sequence[Run]]:
    """What trains a job and returns its finished runs."""
    if engine == "ray":
        if learning_curve:
            raise InkdigitError(
                "--learning-curve trains on this machine alone: leave out --engine ray.", code="option-conflict"
            )
        from inkdigit.cluster.ensemble import run_members

        return run_members
    if learning_curve:
        from inkdigit.training.learning_curve import run_learning_curve

        return lambda job: [run_learning_curve(job)]
    if members > 1:
        from inkdigit.training.ensemble import run_ensemble

        return run_ensemble
    from inkdigit.training import pipeline

    return lambda job: [pipeline.run(job)]
