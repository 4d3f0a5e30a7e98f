"""`inkdigit runs`, `compare`, `evaluate` and `report`: what finished runs are worth."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import click

from inkdigit.cli.group import print_lines, print_warning
from inkdigit.cli.options import FILE
from inkdigit.utils.extras import require_extra
from inkdigit.utils.printable import printable


@click.command()
@click.argument("folder", metavar="[DIR]", type=FILE, default=Path("runs"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in DIR (default: runs), the best first: accuracy with interval, parameters, training time."""
    from inkdigit.runs.leaderboard import leaderboard_table, read_leaderboard

    board = read_leaderboard(folder)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if as_json:
        print_lines(json.dumps(board.to_json()))
    elif table := leaderboard_table(board, width):
        print_lines(*table.split("\n"))
    else:
        print_lines(f"{folder} holds no runs yet: `inkdigit train` makes one.")


@click.command()
@click.argument("folders", metavar="RUN RUN...", nargs=-1, required=True, type=FILE)
@click.option("--data", "labelled_csv", type=FILE, help="Labelled digits.  [default: what all runs were scored on]")
@click.option("--out", type=FILE, default=Path("comparison"), show_default=True, help="Folder for page and pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(folders: tuple[Path, ...], labelled_csv: Path | None, out: Path, as_json: bool) -> None:
    """Compare runs with the first one on the same images: accuracy, McNemar's test, settings, digits that differ."""
    require_extra("train", "A comparison", "matplotlib", "jinja2")
    from inkdigit.comparison.compare import compare_runs
    from inkdigit.comparison.page import write_comparison
    from inkdigit.comparison.text import comparison_table
    from inkdigit.data.loading import read_dataset

    rows = read_dataset(labelled_csv, labelled=True) if labelled_csv else None
    result = compare_runs(folders, rows)
    page = write_comparison(result, out)
    if as_json:
        print_lines(json.dumps(result.to_json()))
    else:
        print_lines(*comparison_table(result).split("\n"), "", f"Page: {page}")


@click.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=FILE)
@click.option("--data", "labelled_csv", type=FILE, required=True, help="Labelled digits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(folders: tuple[Path, ...], labelled_csv: Path, as_json: bool) -> None:
    """Score a run's model on labelled rows: accuracy with interval, figures per digit, calibration.

    Of several runs, the mean of their probabilities is scored. A warning says how many rows a run was trained on.
    """
    from inkdigit.data.loading import read_dataset
    from inkdigit.evaluation.metrics import evaluate as score
    from inkdigit.evaluation.metrics import evaluation_table
    from inkdigit.recognizer import Recognizer
    from inkdigit.runs.predictions import count_trained_rows

    recognizer = Recognizer.load(*folders)
    rows = read_dataset(labelled_csv, labelled=True)
    trained_rows, warnings = count_trained_rows(folders, rows)
    evaluation = score(recognizer.predict_proba(rows.images), rows.required_labels)
    for sentence in warnings:
        print_warning(sentence)
    figures = evaluation.to_json() | {"learnt_rows": trained_rows}
    click.echo(json.dumps(figures) if as_json else evaluation_table(evaluation))


@click.command()
@click.argument("run", type=FILE)
def report(run: Path) -> None:
    """Write a run's report.html and its pictures again."""
    require_extra("train", "A report", "matplotlib", "jinja2")
    from inkdigit.report.page import write_report
    from inkdigit.runs.run import read_run
    from inkdigit.training.curve_points import curve_points

    name = printable(Path(os.path.realpath(run)).name)
    write_report(run, name, curve_points(read_run(run), name))
    print_lines(str(run / "report.html"))
