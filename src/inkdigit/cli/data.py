"""`inkdigit data`: fetch MNIST or Kaggle's files, or write files in Kaggle's format."""

from __future__ import annotations

from pathlib import Path

import click

from inkdigit.cli.group import print_lines
from inkdigit.cli.options import FILE


@click.group()
def data() -> None:
    """Fetch MNIST or Kaggle's files, or write MNIST as such files."""


@data.command()
@click.option("--to", type=FILE, help="Folder for the four files.  [default: the user's cache]")
def mnist(to: Path | None) -> None:
    """Fetch MNIST, verified by SHA-256, from the first source that answers."""
    from inkdigit.data import mnist as source

    print_lines(str(source.fetch(to)))


@data.command()
@click.option("--to", type=FILE, default=Path("data"), show_default=True, help="Folder for the files.")
def kaggle(to: Path) -> None:
    """Fetch train.csv and test.csv of Kaggle's Digit Recognizer; needs an API token and the rules accepted."""
    from inkdigit.data.kaggle_client import fetch_kaggle_files

    fetch_kaggle_files(to)
    print_lines(f"Next: inkdigit train --train {to / 'train.csv'} --test {to / 'test.csv'}")


@data.command()
@click.option("--train-rows", default=42000, show_default=True, help="Rows of train.csv; the others are test.csv.")
@click.option("--seed", default=0, show_default=True, help="Which of MNIST's 70,000 images go where.")
@click.option("--to", type=FILE, required=True, help="Folder for train.csv, test.csv and truth.csv.")
def split(train_rows: int, seed: int, to: Path) -> None:
    """Write MNIST as train.csv and test.csv in Kaggle's format, with the test labels in truth.csv."""
    from inkdigit.data.split import write_split

    write_split(train_rows, seed, to)
    print_lines(f"{to / 'train.csv'}: {train_rows:,} rows; test.csv and truth.csv: {70_000 - train_rows:,} rows each.")
