"""`inkdigit tune`: a search for better settings."""

from __future__ import annotations

from pathlib import Path

import click

from inkdigit.cli.group import print_lines
from inkdigit.cli.options import FILE, SEED, Engine, engine_option
from inkdigit.training.config import PRESETS, from_file, preset, with_values
from inkdigit.utils.extras import require_extra


@click.command()
@click.option("--train", "train_csv", type=FILE, help="Labelled digits.  [default: MNIST's Kaggle-protocol split]")
@click.option("--preset", "preset_name", type=click.Choice(PRESETS), help="Start from its settings.  [default: fast]")
@click.option("--config", type=FILE, help="A TOML file of settings to start from, on top of the preset's.")
@click.option("--seed", type=SEED, help="Starts every random choice.  [default: the settings']")
@click.option("--epochs", type=click.IntRange(1), help="Passes of each trial.  [default: the settings']")
@click.option("--training-rows", type=click.IntRange(0), help="Rows each trial trains on.  [default: the settings']")
@click.option("--space", "space_file", type=FILE, help="A TOML file of what to search.  [default: --print-space]")
@click.option("--print-space", is_flag=True, help="Print what would be searched as such a file, and stop.")
@click.option("--trials", type=click.IntRange(1), help="How many in all.  [default: 30, or as --timeout allows]")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="MINUTES", help="How long to search.")
@click.option("--jobs", type=click.IntRange(1), help="Trials at a time.  [default: 1; on Ray one a processor]")
@engine_option("Where trials train.")
@click.option("--out", type=FILE, default=Path("tune"), show_default=True, help="Folder for study and findings.")
@click.option("--storage", metavar="URL", help="Keep the study in that Optuna storage.  [default: OUT/study.db]")
@click.option("--study", metavar="NAME", help="The study's name there.  [default: that of OUT]")
def tune(
    train_csv: Path | None,
    preset_name: str | None,
    config: Path | None,
    seed: int | None,
    epochs: int | None,
    training_rows: int | None,
    space_file: Path | None,
    print_space: bool,
    trials: int | None,
    timeout: float | None,
    jobs: int | None,
    engine: Engine,
    out: Path,
    storage: str | None,
    study: str | None,
) -> None:
    """Search for better settings: trial trainings on Optuna's advice, judged on rows held out from the training rows.

    Hopeless trials are stopped early. Interrupted, even by a kill, the same command continues. The best settings
    become OUT/best.toml, for `inkdigit train --config`.
    """
    from inkdigit.tune import space

    base = from_file(config, preset_name) if config else preset(preset_name or "fast")
    base = with_values(base, {} if seed is None else {"seed": seed}, "On the command line")
    searched = space.from_file(space_file, base) if space_file else space.default(base)
    if print_space:
        click.echo(space.to_toml(searched), nl=False)
        return
    require_extra("tune", "A search")
    from inkdigit.tune import search

    if engine == "ray":
        from inkdigit.cluster.trials import ray_engine

        trial_engine = ray_engine(jobs)
    else:
        from inkdigit.tune.local import local_engine

        trial_engine = local_engine(jobs or 1)
    wanted = search.SearchConfig(base, searched, out, train_csv, epochs, training_rows, trials, timeout, storage, study)
    print_lines(*search.run(wanted, trial_engine).split("\n"))
