"""Training that continues from the network of an earlier run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import read_run
from inkdigit.training.config import Settings, from_manifest

# The settings that a network's weights depend on.
NETWORK_SETTINGS = (
    "filters", "kernel_size", "padding", "pooling", "activation", "batch_norm", "block_dropout", "dense", "dropout"
)  # fmt: skip
LEARNING_RATE_DIVISOR = 5  # a trained network continues with smaller steps


def run_settings(run: Path) -> Settings:
    """Read the settings that a run was trained with. Raises InkdigitError where there is no run, or it names none."""
    values: Any = read_run(run).manifest.get("settings")
    if not isinstance(values, dict):
        raise InkdigitError(
            f"{run} names no settings: it is not a run as `inkdigit train` writes it.", code="run-without-settings"
        )
    return from_manifest(values, str(run))  # pyright: ignore[reportUnknownArgumentType]


def fine_tuning(run: Path) -> Settings:
    """Give the settings to continue training a run: its own, with a lower learning rate.

    The average of several networks continues as the one network that it is. Raises InkdigitError as `run_settings`.
    """
    kept = run_settings(run)
    return replace(kept, learning_rate=kept.learning_rate / LEARNING_RATE_DIVISOR, training_rows=0, members=1)


def check_network(settings: Settings, run: Path) -> None:
    """Raise InkdigitError where settings ask for another network than the one that a run has."""
    kept = run_settings(run)
    changed = [name for name in NETWORK_SETTINGS if getattr(settings, name) != getattr(kept, name)]
    if changed:
        raise InkdigitError(
            f"--start-from continues with the network of {run}, whose {' and '.join(changed)} cannot be changed: "
            "leave such settings out, --preset and --config included.",
            code="network-differs",
        )
