"""`inkdigit synth`: MNIST's digits -> pages of handwriting with their labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from inkdigit.cli.group import print_lines
from inkdigit.cli.options import FILE
from inkdigit.utils.extras import require_extra


@click.command()
@click.argument("out", type=FILE)
@click.option("--pages", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same pages."
)
@click.option(
    "--source", type=click.Choice(["train", "test"]), default="train", show_default=True, help="MNIST's part."
)
@click.option("--hardship", "hardships", multiple=True, metavar="NAME", help="Each page gets it; repeat it for more.")
def synth(out: Path, pages: int, seed: int, source: Literal["train", "test"], hardships: tuple[str, ...]) -> None:
    """Make the folder OUT of pages of handwriting, and labels.jsonl with each digit and its box.

    They are written with MNIST's digits. Without --hardship each page is a random mixture, as photos and scans are.
    """
    require_extra("read", "Making pages")
    from inkdigit.synth import write

    with click.progressbar(length=pages, label="Pages", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        write.write_pages(out, pages, seed, source, hardships or ["all"], lambda: bar.update(1))
    print_lines(f"{out}: {pages:,} pages, their labels in {out / write.LABELS}")
