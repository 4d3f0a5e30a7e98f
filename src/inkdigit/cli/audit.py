"""`inkdigit audit`: a training set -> its doubtful labels and duplicate pictures."""

from __future__ import annotations

from pathlib import Path

import click

from inkdigit.cli.options import FILE, SEED
from inkdigit.training.config import preset, with_values
from inkdigit.utils.extras import require_extra


@click.command()
@click.argument("train_csv", metavar="TRAIN", type=FILE)
@click.argument("others", metavar="[OTHER]...", type=FILE, nargs=-1)
@click.option("--folds", type=click.IntRange(2, 50), default=3, show_default=True, help="Parts to judge in turn.")
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True, help="Passes of each training.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Starts every random choice.")
@click.option("--duplicates-only", is_flag=True, help="Look for duplicate pictures, and train nothing.")
@click.option("--out", type=FILE, default=Path("audit"), show_default=True, help="Folder for the findings.")
def audit(
    train_csv: Path, others: tuple[Path, ...], folds: int, epochs: int, seed: int, duplicates_only: bool, out: Path
) -> None:
    """Look through a training set: labels that are probably wrong, and duplicate pictures.

    Pictures are compared within TRAIN, with each OTHER file (such as the test set), and with MNIST's test images.
    Labels are judged by networks that were not trained on them, which takes a training for each fold.
    """
    if not duplicates_only:
        require_extra("train", "Judging labels")
    from inkdigit.audit.run import audit as run

    settings = with_values(preset("fast"), {"epochs": epochs, "seed": seed}, "On the command line")
    run(train_csv, others, None if duplicates_only else settings, folds, out)
