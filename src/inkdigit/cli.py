"""The commands: parse, call, print."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from inkdigit.errors import InkdigitError
from inkdigit.settings import PRESETS, preset

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
        except KeyboardInterrupt:
            click.echo("Interrupted: nothing was written.", err=True)
            sys.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="inkdigit")
def main() -> None:
    """Handwritten digits, from training to API.

    Begin with `inkdigit train`: it fetches MNIST, trains a small CNN in minutes and shows how good it is.
    """


@main.group()
def data() -> None:
    """Fetch MNIST, or make files as Kaggle's."""


@data.command()
@click.option("--to", type=FILE, help="Folder for the four files.  [default: the user's cache]")
def mnist(to: Path | None) -> None:
    """Fetch MNIST, verified by SHA-256, from the first source that answers."""
    from inkdigit.data import mnist as source

    click.echo(source.fetch(to))


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
@click.option("--train", "train_csv", type=FILE, help="Kaggle's train.csv.  [default: MNIST's Kaggle-protocol split]")
@click.option("--test", "test_csv", type=FILE, help="Kaggle's test.csv: a submission.csv is written for it.")
@click.option("--preset", "name", type=click.Choice(list(PRESETS)), default="fast", show_default=True)
@click.option("--model", "model_file", type=FILE, help="A Python file with build(settings) -> keras.Model.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="Passes over the training rows.  [default: the preset's]")
@click.option("--out", type=FILE, help="The run folder.  [default: runs/PRESET-seedN]")
@click.option("--deterministic", is_flag=True, help="The same seed gives exactly the same figures; a little slower.")
def train(
    train_csv: Path | None,
    test_csv: Path | None,
    name: str,
    model_file: Path | None,
    seed: int,
    epochs: int | None,
    out: Path | None,
    deterministic: bool,
) -> None:
    """Train a network; write its run folder with model, figures, report and submission."""
    from inkdigit import backend

    backend.require()
    from inkdigit import pipeline, runs

    settings = replace(preset(name), seed=seed)
    if epochs:
        settings = replace(settings, epochs=epochs)
    out = out or Path("runs") / f"{name}-seed{seed}"
    job = pipeline.Job(settings, out, train_csv, test_csv, model_file, deterministic)
    click.echo(runs.summary(pipeline.run(job)))


@main.command()
@click.argument("folder", metavar="[DIR]", type=FILE, default=Path("runs"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in DIR (default: runs), the best first: accuracy with interval, parameters, training time."""
    import json
    import shutil

    from inkdigit import leaderboard

    board = leaderboard.read(folder)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = leaderboard.table(board, width) or f"{folder} holds no runs yet: `inkdigit train` makes one."
    click.echo(json.dumps(board.to_json()) if as_json else text)


@main.command()
@click.argument("folders", metavar="RUN RUN...", nargs=-1, required=True, type=FILE)
@click.option("--data", "labelled_csv", type=FILE, help="Labelled rows.  [default: those that all runs were scored on]")
@click.option("--out", type=FILE, default=Path("comparison"), show_default=True, help="Folder for page and pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(folders: tuple[Path, ...], labelled_csv: Path | None, out: Path, as_json: bool) -> None:
    """Compare runs with the first one on the same images: accuracy, McNemar's test, settings, digits that differ."""
    import json

    from inkdigit import backend

    backend.require("The page with the pictures")
    from inkdigit import comparison
    from inkdigit.data.kaggle import read_csv
    from inkdigit.report.comparison import write_comparison

    rows = read_csv(labelled_csv, labelled=True) if labelled_csv else None
    result = comparison.compare(folders, rows)
    page = write_comparison(result, out)
    click.echo(json.dumps(result.to_json()) if as_json else f"{comparison.table(result)}\n\nPage: {page}")


@main.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=FILE)
@click.option("--data", "labelled_csv", type=FILE, required=True, help="A CSV in Kaggle's format with labels.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(folders: tuple[Path, ...], labelled_csv: Path, as_json: bool) -> None:
    """Score a run's model on labelled rows: accuracy with interval, figures per digit, calibration.

    Of several runs, the mean of their probabilities is scored.
    """
    import json

    from inkdigit.data.kaggle import read_csv
    from inkdigit.evaluation import evaluate as score
    from inkdigit.evaluation import table
    from inkdigit.recognizer import Recognizer

    recognizer = Recognizer.load(*folders)
    rows = read_csv(labelled_csv, labelled=True)
    evaluation = score(recognizer.predict_proba(rows.images), rows.truth)
    click.echo(json.dumps(evaluation.to_json()) if as_json else table(evaluation))


@main.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=FILE)
@click.option("--test", "test_csv", type=FILE, required=True, help="Kaggle's test.csv.")
@click.option("-o", "--output", type=FILE, default=Path("submission.csv"), show_default=True)
def submit(folders: tuple[Path, ...], test_csv: Path, output: Path) -> None:
    """Write a Kaggle submission: the model's answer for every row of test.csv.

    Of several runs, the mean of their probabilities answers.
    """
    from inkdigit.data.kaggle import read_csv, write_submission
    from inkdigit.recognizer import Recognizer

    recognizer = Recognizer.load(*folders)
    rows = read_csv(test_csv, labelled=None)
    write_submission(output, recognizer.predict(rows.images))
    mean = f", the mean of {len(folders)} runs" if len(folders) > 1 else ""
    address = "https://www.kaggle.com/competitions/digit-recognizer/submit"
    click.echo(f"{output}: {len(rows):,} rows{mean}, ready for {address}")
