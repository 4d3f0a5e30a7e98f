"""`inkdigit bulk`: a whole collection -> Parquet files of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from inkdigit.cli.options import FILE, Engine, engine_option, limits_options
from inkdigit.utils.extras import require_extra
from inkdigit.utils.limits import Limits


@click.command()
@click.argument("source")
@click.argument("dest")
@click.option("--page", "layout", flag_value="page", help="Pictures: find the lines of digits.  [default]")
@click.option("--line", "layout", flag_value="line", help="Pictures: there is one line of digits.")
@click.option("--single", "layout", flag_value="single", help="Pictures: there is one digit.")
@click.option("--probabilities", is_flag=True, help="Write all ten of each digit, too.")
@click.option("--model", type=FILE, metavar="RUN", help="Whose model predicts.  [default: the one that ships]")
@engine_option("This machine, or Ray.")
@click.option("--workers", type=click.IntRange(1), help="Processes that work at once.  [default: one for each core]")
@limits_options
def bulk(
    source: str,
    dest: str,
    layout: Literal["page", "line", "single"] | None,
    probabilities: bool,
    model: Path | None,
    engine: Engine,
    workers: int | None,
    limits: Limits,
) -> None:
    """Predict a whole collection: SOURCE, rows of pixels or pictures, into DEST, a folder of Parquet files.

    SOURCE is a file, a folder or a pattern such as 'scans/*.png', here or at a URL (s3://, gs://): Parquet, CSV, IDX,
    or pictures. Each input becomes a row; one that cannot be read has its error in it. After an interruption the
    same command continues.
    """
    require_extra("bulk", "inkdigit bulk")
    from inkdigit.bulk import local
    from inkdigit.bulk.command import run

    run_parts = local.run
    if engine == "ray":
        require_extra("cluster", "--engine ray")
        from inkdigit.cluster import bulk as cluster_bulk

        run_parts = cluster_bulk.run
    run(
        source,
        dest,
        layout=layout,
        probabilities=probabilities,
        model=model,
        workers=workers,
        limits=limits,
        engine=run_parts,
    )
