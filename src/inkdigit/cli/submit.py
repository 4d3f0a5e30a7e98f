"""`inkdigit submit`: a run and Kaggle's test.csv -> submission.csv."""

from __future__ import annotations

from pathlib import Path

import click

from inkdigit.cli.group import print_lines, print_warning
from inkdigit.cli.options import FILE


@click.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=FILE)
@click.option("--test", "test_csv", type=FILE, required=True, help="Kaggle's test.csv, or digits in another format.")
@click.option("-o", "--output", type=FILE, default=Path("submission.csv"), show_default=True)
@click.option("--upload", is_flag=True, help="Upload it to Kaggle's Digit Recognizer too.")
@click.option("-m", "--message", help="What Kaggle shows beside the upload.  [default: the runs' names]")
def submit(folders: tuple[Path, ...], test_csv: Path, output: Path, upload: bool, message: str | None) -> None:
    """Write a Kaggle submission: the digit that the model reads in every row of test.csv.

    Of several runs, the mean of their probabilities decides.
    """
    if message and not upload:
        raise click.UsageError("-m is the message of an upload: add --upload.")
    from inkdigit.data.kaggle_client import COMPETITION_PAGE, SUBMISSION_ROWS, upload_submission
    from inkdigit.data.kaggle_csv import write_submission
    from inkdigit.data.loading import read_dataset
    from inkdigit.recognizer import Recognizer
    from inkdigit.runs.predictions import count_trained_rows

    recognizer = Recognizer.load(*folders)
    rows = read_dataset(test_csv)
    _, warnings = count_trained_rows(folders, rows)
    for sentence in warnings:
        print_warning(sentence)
    write_submission(output, recognizer.predict(rows.images))
    mean = f", the mean of {len(folders)} runs" if len(folders) > 1 else ""
    if len(rows) == SUBMISSION_ROWS:
        print_lines(f"{output}: {len(rows):,} rows{mean}, ready for {COMPETITION_PAGE}/submit")
    else:
        print_lines(f"{output}: {len(rows):,} rows{mean}")
        problem = f"Kaggle takes {SUBMISSION_ROWS:,} rows, one for each image of its test.csv, and will refuse {output}"
        print_warning(f"{problem}: give --test Kaggle's own file.")
    if upload:
        names = " + ".join(folder.resolve().name for folder in folders)
        print_lines(upload_submission(output, message or names))
        print_lines(f"Its score: {COMPETITION_PAGE}/submissions")
