"""The commands: parse, call, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource

from inkdigit.errors import InkdigitError
from inkdigit.service.settings import ServiceSettings, gather
from inkdigit.training.config import PRESETS, Settings, fine_tuning, from_file, preset, to_toml, with_values
from inkdigit.utils.options import setting_options, settings_to_toml

FILE = click.Path(path_type=Path)


class Commands(click.Group):
    """A group that turns what a user can cause into a sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InkdigitError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)
        except OSError as error:
            click.echo(f"Error: {error.filename or 'a file'} cannot be used: {error.strerror or error}.", err=True)
            sys.exit(2)
        except KeyboardInterrupt as interrupt:
            click.echo(str(interrupt) or "Interrupted: nothing was written.", err=True)
            sys.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="inkdigit")
def main() -> None:
    """Handwritten digits, from training to API.

    Begin with `inkdigit train`: it fetches MNIST, trains a small CNN in minutes and shows how good it is.
    """


@main.group()
def data() -> None:
    """Fetch MNIST or Kaggle's files, or make files as Kaggle's."""


@data.command()
@click.option("--to", type=FILE, help="Folder for the four files.  [default: the user's cache]")
def mnist(to: Path | None) -> None:
    """Fetch MNIST, verified by SHA-256, from the first source that answers."""
    from inkdigit.data import mnist as source

    click.echo(source.fetch(to))


@data.command()
@click.option("--to", type=FILE, default=Path("data"), show_default=True, help="Folder for the files.")
def kaggle(to: Path) -> None:
    """Fetch train.csv and test.csv of Kaggle's Digit Recognizer; needs an API token and the rules accepted."""
    from inkdigit.data.kaggle_client import fetch_kaggle_files

    fetch_kaggle_files(to)
    click.echo(f"Next: inkdigit train --train {to / 'train.csv'} --test {to / 'test.csv'}")


@data.command()
@click.option("--train-rows", default=42000, show_default=True, help="Rows of train.csv; the others are test.csv.")
@click.option("--seed", default=0, show_default=True, help="Which of MNIST's 70,000 go where.")
@click.option("--to", type=FILE, required=True, help="Folder for train.csv, test.csv and truth.csv.")
def split(train_rows: int, seed: int, to: Path) -> None:
    """MNIST as train.csv and test.csv in Kaggle's format, and truth.csv beside them."""
    from inkdigit.data.split import write_split

    write_split(train_rows, seed, to)
    click.echo(f"{to / 'train.csv'}: {train_rows:,} rows; test.csv and truth.csv: {70_000 - train_rows:,} rows each.")


@main.command()
@click.option("--train", "train_csv", type=FILE, help="Labelled digits.  [default: MNIST's Kaggle-protocol split]")
@click.option("--test", "test_csv", type=FILE, help="Digits to answer: submission.csv is written for them.")
@click.option("--preset", "name", type=click.Choice(PRESETS), help="The settings to start from.  [default: fast]")
@click.option("--config", type=FILE, help="A TOML file of settings, on top of the preset's; options go on top of both.")
@click.option("--print-config", is_flag=True, help="Print all settings as such a file, and stop.")
@click.option("--model", "model_file", type=FILE, help="A Python file with build(settings) -> keras.Model.")
@click.option("--out", type=FILE, help="The run folder.  [default: runs/PRESET-seedN]")
@click.option("--start-from", type=FILE, metavar="RUN", help="Go on learning with that run's network, on other digits.")
@click.option("--teacher", type=FILE, metavar="RUN", help="Learn that run's answers too, as one network from several.")
@click.option("--folds", type=click.IntRange(2, 50), help="Train a network for each of so many folds; keep their mean.")
@click.option("--learning-curve", is_flag=True, help="Train on fewer rows too; the report shows how accuracy grows.")
@click.option("--resume", type=FILE, metavar="DIR", help="Go on with the unfinished training of that run folder.")
@click.option("--tensorboard", type=FILE, metavar="DIR", help="Write the curves there as well, for TensorBoard.")
@click.option("--deterministic", is_flag=True, help="The same seed gives exactly the same figures; a little slower.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Where members train."
)
@setting_options(preset("fast"), "fast", fixed=("preset",))
def train(
    train_csv: Path | None,
    test_csv: Path | None,
    name: str | None,
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
    engine: Literal["local", "ray"],
    **values: Any,
) -> None:
    """Train a network; write its run folder with model, figures, report and submission.

    Digits are read from CSV as Kaggle's, IDX as MNIST's, .npz, Parquet, or a folder of pictures.
    Every setting of the training is an option; --print-config shows them all with their values.
    """
    if resume:
        _alone("resume", "it goes on with the settings and files of the interrupted training")
    settings = _settings(config, name, start_from, values)
    if print_config:
        click.echo(to_toml(settings), nl=False)
        return
    from inkdigit.training import backend

    backend.require()
    from inkdigit.runs.run import run_summary
    from inkdigit.training import pipeline

    if resume:
        job = pipeline.unfinished(resume)
    else:
        out = out or Path("runs") / f"{settings.preset}-seed{settings.seed}"
        job = pipeline.Job(
            settings,
            out,
            train=train_csv,
            test=test_csv,
            model_file=model_file,
            start_from=start_from,
            teacher=teacher,
            folds=folds,
            deterministic=deterministic,
            tensorboard=tensorboard,
        )
    if learning_curve and engine == "ray":
        raise InkdigitError("--learning-curve trains on this machine alone: leave out --engine ray.")
    if engine == "ray":
        from inkdigit.cluster import ensemble

        finished = ensemble.run_members(job)
    elif learning_curve:
        finished = [pipeline.run_learning_curve(job)]
    else:
        finished = pipeline.run_members(job) if job.settings.members > 1 else [pipeline.run(job)]
    click.echo("\n\n".join(map(run_summary, finished)))


def _settings(config: Path | None, name: str | None, start_from: Path | None, values: dict[str, Any]) -> Settings:
    """A file's settings, or those to go on learning with, or a preset's, with the options that were given on top."""
    if config:
        settings = from_file(config, name)
    elif start_from and not name:
        settings = fine_tuning(start_from)
    else:
        settings = preset(name or "fast")
    given = {knob: value for knob, value in values.items() if value is not None}
    return with_values(settings, given, "On the command line")


@main.command()
@click.option("--train", "train_csv", type=FILE, help="Labelled digits.  [default: MNIST's Kaggle-protocol split]")
@click.option("--preset", "name", type=click.Choice(PRESETS), help="The settings to start from.  [default: fast]")
@click.option("--config", type=FILE, help="A TOML file of settings to start from, on top of the preset's.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Starts every random choice.  [default: the settings']")
@click.option("--epochs", type=click.IntRange(1), help="Passes of each trial.  [default: the settings']")
@click.option("--training-rows", type=click.IntRange(0), help="Rows each trial learns.  [default: the settings']")
@click.option("--space", "space_file", type=FILE, help="A TOML file of what to search.  [default: --print-space]")
@click.option("--print-space", is_flag=True, help="Print what would be searched as such a file, and stop.")
@click.option("--trials", type=click.IntRange(1), help="How many in all.  [default: 30, or as --timeout allows]")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="MINUTES", help="How long to search.")
@click.option("--jobs", type=click.IntRange(1), help="Trials at a time.  [default: 1; on Ray one a processor]")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--out", type=FILE, default=Path("tune"), show_default=True, help="Folder for study and findings.")
@click.option("--storage", metavar="URL", help="Keep the study in that Optuna storage.  [default: OUT/study.db]")
@click.option("--study", metavar="NAME", help="The study's name there.  [default: that of OUT]")
def tune(
    train_csv: Path | None,
    name: str | None,
    config: Path | None,
    seed: int | None,
    epochs: int | None,
    training_rows: int | None,
    space_file: Path | None,
    print_space: bool,
    trials: int | None,
    timeout: float | None,
    jobs: int | None,
    engine: Literal["local", "ray"],
    out: Path,
    storage: str | None,
    study: str | None,
) -> None:
    """Search for better settings: trial trainings on Optuna's advice, judged on rows held out from the training rows.

    Hopeless trials are stopped early. Interrupted, even by a kill, the same command goes on. The best settings
    become OUT/best.toml, for `inkdigit train --config`.
    """
    from inkdigit import tune as tuning
    from inkdigit.training import backend
    from inkdigit.tune import space

    base = from_file(config, name) if config else preset(name or "fast")
    base = with_values(base, {} if seed is None else {"seed": seed}, "On the command line")
    drawn = space.from_file(space_file, base) if space_file else space.default(base)
    if print_space:
        click.echo(space.to_toml(drawn), nl=False)
        return
    backend.require()
    tuning.require()
    from inkdigit.tune import search

    job = search.Job(base, drawn, out, train_csv, epochs, training_rows, trials, timeout, jobs, engine, storage, study)
    click.echo(search.run(job))


def _alone(option: str, reason: str) -> None:
    """Refuse other options beside this one."""
    if _given() != [option]:
        raise InkdigitError(f"--{option} takes no other option: {reason}.")


def _given() -> list[str]:
    """The parameters that are not left at their defaults."""
    context = click.get_current_context()
    return [name for name in context.params if context.get_parameter_source(name) is not ParameterSource.DEFAULT]


@main.command()
@click.argument("folder", metavar="[DIR]", type=FILE, default=Path("runs"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in DIR (default: runs), the best first: accuracy with interval, parameters, training time."""
    import json
    import shutil

    from inkdigit.runs.leaderboard import leaderboard_table, read_leaderboard

    board = read_leaderboard(folder)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = leaderboard_table(board, width) or f"{folder} holds no runs yet: `inkdigit train` makes one."
    click.echo(json.dumps(board.to_json()) if as_json else text)


@main.command()
@click.argument("folders", metavar="RUN RUN...", nargs=-1, required=True, type=FILE)
@click.option("--data", "labelled_csv", type=FILE, help="Labelled digits.  [default: what all runs were scored on]")
@click.option("--out", type=FILE, default=Path("comparison"), show_default=True, help="Folder for page and pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(folders: tuple[Path, ...], labelled_csv: Path | None, out: Path, as_json: bool) -> None:
    """Compare runs with the first one on the same images: accuracy, McNemar's test, settings, digits that differ."""
    import json

    from inkdigit.report import require

    require()
    from inkdigit.comparison.compare import compare_runs, comparison_table
    from inkdigit.comparison.page import write_comparison
    from inkdigit.data.loading import read_dataset

    rows = read_dataset(labelled_csv, labelled=True) if labelled_csv else None
    result = compare_runs(folders, rows)
    page = write_comparison(result, out)
    click.echo(json.dumps(result.to_json()) if as_json else f"{comparison_table(result)}\n\nPage: {page}")


@main.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=FILE)
@click.option("--data", "labelled_csv", type=FILE, required=True, help="Labelled digits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(folders: tuple[Path, ...], labelled_csv: Path, as_json: bool) -> None:
    """Score a run's model on labelled rows: accuracy with interval, figures per digit, calibration.

    Of several runs, the mean of their probabilities is scored. Rows that a run has learnt are told.
    """
    import json

    from inkdigit.data.loading import read_dataset
    from inkdigit.evaluation.metrics import evaluate as score
    from inkdigit.evaluation.metrics import evaluation_table
    from inkdigit.recognizer import Recognizer
    from inkdigit.runs.predictions import count_trained_rows

    recognizer = Recognizer.load(*folders)
    rows = read_dataset(labelled_csv, labelled=True)
    learnt, warnings = count_trained_rows(folders, rows)
    evaluation = score(recognizer.predict_proba(rows.images), rows.truth)
    _warn(warnings)
    click.echo(json.dumps(evaluation.to_json() | {"learnt_rows": learnt}) if as_json else evaluation_table(evaluation))


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        click.echo(f"Warning: {sentence}", err=True)


@main.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=FILE)
@click.option("--test", "test_csv", type=FILE, required=True, help="Kaggle's test.csv, or digits in another format.")
@click.option("-o", "--output", type=FILE, default=Path("submission.csv"), show_default=True)
@click.option("--upload", is_flag=True, help="Upload it to Kaggle's Digit Recognizer too.")
@click.option("-m", "--message", help="What Kaggle shows beside the upload.  [default: the runs' names]")
def submit(folders: tuple[Path, ...], test_csv: Path, output: Path, upload: bool, message: str | None) -> None:
    """Write a Kaggle submission: the model's answer for every row of test.csv.

    Of several runs, the mean of their probabilities answers.
    """
    if message and not upload:
        raise click.UsageError("-m is the message of an upload: add --upload.")
    from inkdigit.data import kaggle_client
    from inkdigit.data.kaggle_client import upload_submission
    from inkdigit.data.kaggle_csv import write_submission
    from inkdigit.data.loading import read_dataset
    from inkdigit.recognizer import Recognizer
    from inkdigit.runs.predictions import count_trained_rows

    recognizer = Recognizer.load(*folders)
    rows = read_dataset(test_csv)
    _warn(count_trained_rows(folders, rows)[1])
    write_submission(output, recognizer.predict(rows.images))
    mean = f", the mean of {len(folders)} runs" if len(folders) > 1 else ""
    click.echo(f"{output}: {len(rows):,} rows{mean}, ready for {kaggle_client.PAGE}/submit")
    if upload:
        names = " + ".join(folder.resolve().name for folder in folders)
        click.echo(upload_submission(output, message or names))
        click.echo(f"Its score: {kaggle_client.PAGE}/submissions")


@main.command()
@click.argument("train_csv", metavar="TRAIN", type=FILE)
@click.argument("others", metavar="[OTHER]...", type=FILE, nargs=-1)
@click.option("--folds", type=click.IntRange(2, 50), default=3, show_default=True, help="Parts to judge in turn.")
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True, help="Passes of each training.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--duplicates-only", is_flag=True, help="Look for pictures that are there twice, and train nothing.")
@click.option("--out", type=FILE, default=Path("audit"), show_default=True, help="Folder for the findings.")
def audit(
    train_csv: Path, others: tuple[Path, ...], folds: int, epochs: int, seed: int, duplicates_only: bool, out: Path
) -> None:
    """Look through a training set: labels that are probably wrong, pictures that are there twice.

    Pictures are compared within TRAIN, with each OTHER file (such as the test set), and with MNIST's test images.
    Labels are judged by networks that never saw them, so that takes a training for each fold.
    """
    from inkdigit.training import backend

    if not duplicates_only:
        backend.require()
    from inkdigit.audit import label_audit as auditor

    settings = with_values(preset("fast"), {"epochs": epochs, "seed": seed}, "On the command line")
    auditor.run(train_csv, others, None if duplicates_only else settings, folds, out)


@main.command()
@click.argument("run", type=FILE)
def report(run: Path) -> None:
    """Write a run's report.html and its pictures again."""
    from inkdigit.report import require

    require()
    from inkdigit.report.page import write_report

    write_report(run, Path(os.path.realpath(run)).name)
    click.echo(run / "report.html")


@main.command()
@click.argument("out", type=FILE)
@click.option("--pages", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same pages."
)
@click.option(
    "--source", type=click.Choice(["train", "test"]), default="train", show_default=True, help="MNIST's part."
)
@click.option("--hardship", "names", multiple=True, metavar="NAME", help="Each page gets it; several may be given.")
def synth(out: Path, pages: int, seed: int, source: Literal["train", "test"], names: tuple[str, ...]) -> None:
    """Make the folder OUT of pages of handwriting, and labels.jsonl with each digit and its box.

    They are written with MNIST's digits. Without --hardship each page is a random mixture, as photos and scans are.
    """
    from inkdigit.synth import write

    with click.progressbar(length=pages, label="Pages", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        write.write_pages(out, pages, seed, source, names or ["all"], lambda: bar.update(1))
    click.echo(f"{out}: {pages:,} pages, their truth in {out / write.LABELS}")


@main.command()
@click.argument("files", metavar="PICTURE...", nargs=-1, required=True, type=FILE)
@click.option("--page", "layout", flag_value="page", default=True, help="Find the lines of digits.  [default]")
@click.option("--line", "layout", flag_value="line", help="There is one line of digits.")
@click.option("--single", "layout", flag_value="single", help="There is one digit.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per picture or page, one a line.")
@click.option("--annotate", "folder", type=FILE, metavar="DIR", help="Write each picture there with what was read.")
@click.option("--min-confidence", type=click.FloatRange(0, 1), help="Leave out digits less sure than that, 0 to 1.")
@click.option("--model", "run", type=FILE, metavar="RUN", help="Whose model reads.  [default: the one that ships]")
@click.option("--url", help="Let the Inkdigit server there read, such as http://127.0.0.1:8000.")
@click.option("--api-key", envvar="INKDIGIT_API_KEY", help="For that server; or the variable INKDIGIT_API_KEY.")
@click.option("--form", type=FILE, help="Each picture shows this form, a TOML file; its fields go into a table.")
@click.option(
    "-o", "--output", type=FILE, default=Path("answers.csv"), show_default=True, help="That table, with --form."
)
@click.option("--review", type=FILE, help="With --form, also write a page (HTML) of the doubtful fields to correct.")
def read(
    files: tuple[Path, ...],
    layout: Literal["page", "line", "single"],
    as_json: bool,
    folder: Path | None,
    min_confidence: float | None,
    run: Path | None,
    url: str | None,
    api_key: str | None,
    form: Path | None,
    output: Path,
    review: Path | None,
) -> None:
    """Read the digits in pictures: photos, scans and drawings of any size and colour; PDF and TIFF page by page.

    It prints a line for each line of digits; of several pictures, after each one's name. After a picture that
    cannot be read, the exit code is 2.
    """
    if not form and {"output", "review"} & set(_given()):
        raise InkdigitError("-o and --review are for the fields of a form: name its template with --form.")
    if form:
        sys.exit(_read_form(form, files, output, review, run))
    if url and run:
        raise InkdigitError("A server at --url reads with its own model: leave out --model, or --url.")
    from inkdigit.reading import require
    from inkdigit.reading.client import Server
    from inkdigit.reading.file_results import read_files

    server = Server(url, api_key) if url else None
    if layout == "single":
        if folder or min_confidence is not None:
            raise InkdigitError("--annotate and --min-confidence are for lines of digits: leave out --single.")
        from inkdigit.reading import single as reading
        from inkdigit.reading.single import local_reader, remote_reader

        reads = remote_reader(server) if server else local_reader(run)
    else:
        require()
        from inkdigit.reading import file_reader as reading
        from inkdigit.reading.file_reader import local_reader, remote_reader

        options = reading.Options(layout, min_confidence or 0, folder)
        reads = remote_reader(server, options) if server else local_reader(run, options)
    failed = False
    for result in read_files(files, reads):
        failed |= bool(result.error)
        if as_json:
            click.echo(result.to_json())
            continue
        if result.result:
            lines = reading.text_lines(result, named=len(files) > 1)
            click.echo("\n".join(lines) if lines else f"{result.name} shows no digits.", err=not lines)
        if result.error:
            click.echo(f"Error: {result.error}", err=True)
    sys.exit(2 if failed else 0)


def _read_form(form: Path, files: tuple[Path, ...], output: Path, review: Path | None, run: Path | None) -> int:
    """Read pictures of a form; give the exit code."""
    if other := set(_given()) - {"form", "files", "output", "review", "run", "api_key"}:
        option = other.pop().removeprefix("as_").replace("_", "-").replace("folder", "annotate")
        option = click.get_current_context().params["layout"] if option == "layout" else option
        raise InkdigitError(f"--form reads the fields of a form into a table: leave out --{option}.")
    from inkdigit.reading import require

    require()
    from inkdigit.forms.job import FormJob

    job = FormJob(form, files, output, review, run)
    return 0 if job.work(click.echo, lambda line: click.echo(f"Error: {line}", err=True)) else 2


@main.command()
@click.argument("source")
@click.argument("dest")
@click.option("--page", "layout", flag_value="page", help="Pictures: find the lines of digits.  [default]")
@click.option("--line", "layout", flag_value="line", help="Pictures: there is one line of digits.")
@click.option("--single", "layout", flag_value="single", help="Pictures: there is one digit.")
@click.option("--probabilities", is_flag=True, help="Write all ten of each digit, too.")
@click.option("--model", type=FILE, metavar="RUN", help="Whose model answers.  [default: the one that ships]")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="This machine, or Ray."
)
@click.option("--workers", type=click.IntRange(1), help="Processes that work at once.  [default: one for each core]")
def bulk(
    source: str,
    dest: str,
    layout: Literal["page", "line", "single"] | None,
    probabilities: bool,
    model: Path | None,
    engine: Literal["local", "ray"],
    workers: int | None,
) -> None:
    """Answer a whole collection: SOURCE, rows of pixels or pictures, into DEST, a folder of Parquet files.

    SOURCE is a file, a folder or a pattern such as 'scans/*.png', here or at a URL (s3://, gs://): Parquet, CSV, IDX,
    or pictures. Each input becomes a row; one that cannot be read has its error in it. After an interruption the
    same command goes on.
    """
    from inkdigit import bulk as work

    work.require()
    from inkdigit.bulk.command import run

    run(source, dest, layout=layout, probabilities=probabilities, model=model, workers=workers, engine=engine)


@main.command()
@setting_options(ServiceSettings(), "default")
@click.option("--config", type=FILE, help="A TOML file of settings; INKDIGIT_… variables and options go on top.")
@click.option("--print-config", is_flag=True, help="Print all settings as such a file, and stop.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Where it is served."
)
def serve(config: Path | None, print_config: bool, engine: Literal["local", "ray"], **values: Any) -> None:
    """Serve a model as an API, with a page to draw on. Ctrl-C ends it.

    Every setting is an option, a variable such as INKDIGIT_PORT, and a key of the file.
    """
    settings = gather(config, os.environ, values)
    if print_config:
        click.echo(settings_to_toml(settings, "How the server serves: inkdigit serve --config THIS_FILE"), nl=False)
        return
    from inkdigit import service

    service.require()
    if engine == "ray":
        from inkdigit.cluster.service import serve as run
    else:
        from inkdigit.service.server import serve as run

    run(settings, click.echo, lambda sentence: click.echo(f"Warning: {sentence}", err=True))


@main.command()
@click.argument("name")
@click.option("--file", type=FILE, required=True, help="The file for --api-key-file; made where there is none.")
def api_key(name: str, file: Path) -> None:
    """Make an API key for NAME: its hash goes into the file, the key is shown once."""
    from inkdigit.service import auth

    click.echo(auth.add(file, name))
